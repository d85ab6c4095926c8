/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Row 12: userfaultfd puts pages into sealed memory, or moves them out of it. Run by t_foreign.c. */
#pragma once

#include "puppet.h"

/* A page of a file that userfaultfd cannot reach, mapped read-only. */
uint64_t uffd_file_page(struct puppet *puppet);
/* Runs all attacks; pinned: whether a program is attached. */
void uffd_all(bool (*pinned)(const char *program));

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The label of a seal set stands for the policy and the program that it was made for. The map `labels` keeps
 * these, so that they outlive daemon and process.
 */
#pragma once

#include "bpf/programs.h"
#include "seal/space_map.h"

/* For MSEALD_LABEL_NUMBER(). */
uint64_t labels_hash(const char *text, size_t length);

/* The label of this policy ("": sealed by a request) and program; 0: no room. */
uint64_t labels_make(struct programs *programs, struct space_map *space_map, const char *policy,
		     const char *program);

/* The label for sealing a process by a policy (NULL: by a request, which changes no existing label). */
uint64_t labels_of_process(struct programs *programs, struct space_map *space_map, int proc_fd,
			   const char *policy, uint64_t old);

/* False: unknown label. */
bool labels_read(const struct programs *programs, uint64_t label, struct mseald_label *ret);

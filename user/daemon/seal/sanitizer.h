/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects with LeakSanitizer, which traces its own process as that exits: mseal(2) would make it fail. */
#pragma once

#include <stdbool.h>

#include "lib/proc/objects.h"
#include "process/target.h"

/*
 * Has the object LeakSanitizer in it? vma: its mapping. What is found out about a file counts for a minute.
 */
bool sanitizer_is_in(const struct target *target, const struct object *object, const struct mseald_vma *vma);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists that grow. */
#ifndef MSEALD_BASE_LIST_H
#define MSEALD_BASE_LIST_H

#include <stddef.h>

/*
 * Room for more elements of this size behind those (count) that the list has; list points to the
 * pointer to it. -ENOMEM: it is as it was.
 */
int list_grow(void *list, size_t count, size_t more, size_t *allocated, size_t size);

#endif

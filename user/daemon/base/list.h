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

/*
 * How many elements of a sorted list come before what is looked for: `before` says it of the one at `i`. So
 * that is the place of what is looked for, if it is there.
 */
#define LIST_SEARCH(count, i, before) \
	({ \
		size_t low_ = 0, high_ = (count); \
		while (low_ < high_) { \
			size_t i = low_ + (high_ - low_) / 2; \
			if (before) \
				low_ = i + 1; \
			else \
				high_ = i; \
		} \
		low_; \
	})

#endif

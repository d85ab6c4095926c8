/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Growing lists. */
#pragma once

#include <stddef.h>

/*
 * Makes room for `more` elements of this size after the first `count`; list points to the pointer to the
 * list. -ENOMEM: the list is unchanged.
 */
int list_grow(void *list, size_t count, size_t more, size_t *allocated, size_t size);

/*
 * The number of elements of a sorted list that come before a wanted one: `before` says whether element `i`
 * does. This is also the index of the wanted element, if the list has it.
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

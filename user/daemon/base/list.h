/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists that grow. */
#ifndef MSEALD_BASE_LIST_H
#define MSEALD_BASE_LIST_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Room for more elements of this size behind the count that *list holds, at least. -ENOMEM. */
static inline int list_grow(void *list, size_t count, size_t more, size_t *allocated, size_t size)
{
	size_t wanted = *allocated ? 2 * *allocated + more : 64 + more;
	void *larger;

	if (count + more <= *allocated)
		return 0;
	larger = reallocarray(*(void **)list, wanted, size);
	if (!larger)
		return -ENOMEM;
	*(void **)list = larger;
	*allocated = wanted;
	return 0;
}

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later
/* See list.h. */
#include "lib/base/list.h"

#include "lib/base/util.h"

int list_grow(void *list, size_t count, size_t more, size_t *allocated, size_t size)
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

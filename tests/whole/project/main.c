// SPDX-License-Identifier: GPL-2.0-only
/* The source of the small project that tests/whole builds: sorts numbers in many ways. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(void)
{
	int numbers[1000];

	for (int i = 0; i < 1000; i++)
		numbers[i] = (i * 7919 + PART) % 1000;
	qsort(numbers, 1000, sizeof(numbers[0]), compare);
	for (int i = 0; i < 1000; i++)
		if (numbers[i] != i)
			return 1;
	return printf("part %d of %s\n", PART, PACKAGE_STRING) < 0;
}

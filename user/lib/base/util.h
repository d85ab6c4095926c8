/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleanup attributes, common macros, and the headers of the C library that nearly every file needs. A file
 * that includes this one does not include those.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _printf_(string, first) __attribute__((format(printf, string, first)))

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/* Prints into an array of char; a longer text is truncated. */
#define FORMAT(array, ...) \
	({ \
		_Static_assert(!__builtin_types_compatible_p(__typeof__(array), char *), "no array"); \
		(void)snprintf(array, sizeof(array), __VA_ARGS__); \
	})

/* The same, malloc'ed; NULL: no memory. */
#define FORMAT_NEW(...) \
	({ \
		char *text_; \
		asprintf(&text_, __VA_ARGS__) < 0 ? NULL : text_; \
	})

/* Returns the value and clears the variable, so that its cleanup does nothing. */
/* clang-format off */
#define TAKE_PTR(pointer) ({ __typeof__(pointer) taken_ = (pointer); (pointer) = NULL; taken_; })
#define TAKE_FD(fd) ({ int taken_ = (fd); (fd) = -1; taken_; })
/* clang-format on */

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

static inline void cleanup_closedir(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder);
}

/* The size of a page of memory, in bytes. */
static inline uint64_t page_size(void)
{
	static uint64_t size;

	if (!size)
		size = (uint64_t)sysconf(_SC_PAGESIZE);
	return size;
}

/* The start of the page that an address is in; the first page start at or after it. */
static inline uint64_t page_down(uint64_t address)
{
	return address & ~(page_size() - 1);
}

/* The caller has checked that this does not overflow. */
static inline uint64_t page_up(uint64_t address)
{
	return page_down(address + page_size() - 1);
}

#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

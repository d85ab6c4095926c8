/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a group of tests on machines with pages of 4, 16 and 64 KiB, by replacing sysconf(3). Each size has a
 * child of its own, since page_size() reads the size once.
 */
#pragma once

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"

static long pretended_page_size;

long __sysconf(int name); /* glibc's own name of it */

long sysconf(int name)
{
	return name == _SC_PAGESIZE && pretended_page_size ? pretended_page_size : __sysconf(name);
}

/* The exit status of main. */
#define RUN_ON_PAGE_SIZES(group, tests) \
	({ \
		int failed_ = 0; \
		for (long size_ = 4096; size_ <= 65536; size_ *= 4) { \
			pid_t child_ = fork(); \
			int status_; \
			if (child_ == 0) { \
				pretended_page_size = size_; \
				(void)printf("# pages of %llu bytes\n", (unsigned long long)page_size()); \
				exit(cmocka_run_group_tests_name(group, tests, NULL, NULL) != 0); \
			} \
			failed_ |= child_ < 0 || waitpid(child_, &status_, 0) != child_ || status_ != 0; \
		} \
		failed_; \
	})

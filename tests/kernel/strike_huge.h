/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Huge pages: the kernel takes more than the length of a call. Run by t_tricks.c. */
#pragma once

/* Before the first seal: reserves huge pages, and mounts hugetlbfs. huge_end() undoes both. */
void huge_begin(void);
void huge_end(void);
/* Runs all attacks, and calls that must not be hindered without huge pages. */
void huge_run(void);

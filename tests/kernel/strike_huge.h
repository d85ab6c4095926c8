/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Huge pages: the kernel takes more than the length of a call says. Run by t_tricks.c. */
#ifndef MSEALD_TESTS_STRIKE_HUGE_H
#define MSEALD_TESTS_STRIKE_HUGE_H

/* Before the first seal: huge pages are asked for, hugetlbfs is mounted. And back. */
void huge_begin(void);
void huge_end(void);
/* All attacks, and what must not be hindered where there are no huge pages. */
void huge_run(void);

#endif

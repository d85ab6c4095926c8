/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Before anything is loaded: can what is pinned be taken over? Pins that are
 * missing are made anew from what the attached programs use.
 */
#ifndef MSEALD_BPF_ADOPT_H
#define MSEALD_BPF_ADOPT_H

/*
 * Logs what is wrong and the way out, and has changed nothing then. -EPROTO: maps of another
 * layout; -EINVAL: something
 * that is no map of ours is pinned there; other negative errno.
 */
int adopt_check(void);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Before anything is loaded: can the pinned maps and links be adopted? Pins that are
 * missing are made anew from what the attached programs use.
 */
#ifndef MSEALD_BPF_ADOPT_H
#define MSEALD_BPF_ADOPT_H

/*
 * Logs the fault and the remedy, and has changed nothing then. -EPROTO: maps of another layout;
 * -EINVAL: something that is no map of ours is pinned there; other negative errno.
 */
int adopt_check(void);

#endif

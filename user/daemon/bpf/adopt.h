/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs before anything is loaded: can the pinned maps and links be adopted? Missing pins are made anew from
 * the objects that the attached programs use.
 */
#pragma once

/*
 * On failure it logs the fault and the remedy, and has changed nothing. -EPROTO: maps of another layout;
 * -EINVAL: a foreign object is pinned in their place; other negative errno.
 */
int adopt_check(void);

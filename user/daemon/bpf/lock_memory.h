/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of mseald under the lock. Root may write to the files of libraries that are mapped, and put a
 * uprobe on a mapping of a file: what mseald runs and reads must be memory of its own.
 */
#pragma once

/*
 * Puts anonymous memory with the same contents and permissions in place of every private mapping of a file of
 * this process, which must have one thread and no signal handlers. A child tries it first. -EPERM: it failed
 * there, by a seal on mseald itself or by a filter; nothing is changed. Other errors: some mappings may be
 * replaced, which does no harm.
 */
int lock_memory_own(void);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pins of maps and links, and the generations of links. */
#pragma once

#define BPFFS "/sys/fs/bpf"
#define BPFFS_ROOT BPFFS "/mseald"
#define BPFFS_LOCK BPFFS_ROOT "/lock"
#define BPFFS_PATH_MAX 320

/* Mounts bpffs if it is not mounted, and makes the folders. Logs; negative errno. */
int bpffs_prepare(void);

/* Enters the folder of pins of pid 1: later mounts on its path do not hide it. Logs; negative errno. */
int bpffs_enter(void);

/*
 * The name under which a map is pinned, by its name in libbpf or the kernel: libbpf names those of .bss and
 * .rodata after the object, truncated. NULL: a map of one load, which is not pinned.
 */
const char *bpffs_map_name(const char *map);

/* Writes to path, and returns it. */
const char *bpffs_map_path(const char *map, char path[BPFFS_PATH_MAX]);
const char *bpffs_link_path(unsigned generation, const char *program, char path[BPFFS_PATH_MAX]);

/* The links of the lock (user/daemon/bpf/lock.c). bpffs_make_lock() logs. */
const char *bpffs_lock_path(const char *program, char path[BPFFS_PATH_MAX]);
int bpffs_make_lock(void);
void bpffs_remove_lock(void);

/* The highest generation with a folder; 0: none. */
unsigned bpffs_last_generation(void);
int bpffs_make_generation(unsigned generation);
/* Unpins all links of a generation: they detach when the last descriptor is closed. */
void bpffs_remove_generation(unsigned generation);
void bpffs_remove_generations_before(unsigned generation);

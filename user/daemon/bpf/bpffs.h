/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where maps and links are pinned, and the generations of links there. */
#ifndef MSEALD_BPF_BPFFS_H
#define MSEALD_BPF_BPFFS_H

#define BPFFS "/sys/fs/bpf"
#define BPFFS_ROOT BPFFS "/mseald"
#define BPFFS_LOCK BPFFS_ROOT "/lock"
#define BPFFS_PATH_MAX 320

/* Mounts bpffs if nothing is mounted there, and makes the folders. Logs; negative errno. */
int bpffs_prepare(void);

/*
 * Makes the folder of pins, as pid 1 sees it, the working directory: from then on nothing that
 * is mounted over the way there hides it. Logs; negative errno.
 */
int bpffs_enter(void);

/*
 * Under which name a map is pinned that libbpf or the kernel calls so: libbpf names those of .bss and
 * .rodata after the object, cut short. NULL: it is of one load, and not pinned.
 */
const char *bpffs_map_name(const char *map);

/* Into path, which is returned. */
const char *bpffs_map_path(const char *map, char path[BPFFS_PATH_MAX]);
const char *bpffs_link_path(unsigned generation, const char *program, char path[BPFFS_PATH_MAX]);

/* The links of the lock (user/daemon/bpf/lock.c). bpffs_make_lock() logs. */
const char *bpffs_lock_path(const char *program, char path[BPFFS_PATH_MAX]);
int bpffs_make_lock(void);
void bpffs_remove_lock(void);

/* The highest generation that has a folder; 0: none. */
unsigned bpffs_last_generation(void);
int bpffs_make_generation(unsigned generation);
/* Unpins all links of a generation: with the last descriptor closed they detach. */
void bpffs_remove_generation(unsigned generation);
void bpffs_remove_generations_before(unsigned generation);

#endif

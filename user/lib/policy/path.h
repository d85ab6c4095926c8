/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths of policies, as the kernel tells where a program is. */
#ifndef MSEALD_POLICY_PATH_H
#define MSEALD_POLICY_PATH_H

/*
 * Takes out doubled "/", "/./" and a "/" at the end ("/" becomes ""). -EINVAL for a "..", or if it
 * is not absolute.
 */
int policy_path_normalize(char *path);
/*
 * The path with its symbolic links followed as far as they exist, in a file
 * system that begins at root ("": /); without root. Malloc'ed. -ELOOP, -ENAMETOOLONG, -ENOMEM.
 */
int policy_path_follow(const char *root, const char *path, char **ret);

#endif

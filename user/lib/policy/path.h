/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths in policies, in the form in which the kernel reports the path of a program. */
#pragma once

/*
 * Removes doubled "/", "/./" and a "/" at the end ("/" becomes ""). -EINVAL: contains "..", or is not
 * absolute.
 */
int policy_path_normalize(char *path);
/*
 * Follows the symbolic links of a path as far as they exist, in a file system that begins at root ("": /).
 * Returns the path without root, malloc'ed. -ELOOP, -ENAMETOOLONG, -ENOMEM.
 */
int policy_path_follow(const char *root, const char *path, char **ret);

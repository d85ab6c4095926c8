/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies: which programs are sealed as they start, and how. A policy is one
 * file NAME.conf, see mseald.policy(5); the first in the order of names that
 * matches a program decides, those with Last=yes after all others. Reading and matching need no daemon.
 */
#ifndef MSEALD_POLICY_H
#define MSEALD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/conf/diagnostics.h"
#include "lib/conf/load.h"
#include "lib/conf/parser.h"
#include "lib/policy/seal_spec.h"
#include "mseald/shared.h"
#define POLICY_FOLDER_ETC "/etc/mseald/policy.d"
#define POLICIES_MAX 4096 /* files that count */
/* Bytes of a path in Exe= and Cgroup=, with its NUL: what the kernel side keeps. */
#define POLICY_PATH_MAX 256

/* One value of Exe=. */
struct policy_exe {
	char *given;   /* as written */
	char *path;    /* to match: symbolic links followed, as far as they exist */
	unsigned line; /* where it stands */
	/* FOLDER: path ends in "/"; GLOB: glob(7), * stays within a name */
	enum { POLICY_EXE_FILE, POLICY_EXE_FOLDER, POLICY_EXE_GLOB } kind;
};

struct policy {
	char *name;	   /* of the file, without .conf */
	char *path;	   /* where it was read */
	char *description; /* NULL: none */
	bool enabled;	   /* Enabled=, true without it; counts in every folder but the first */
	bool last;	   /* Last=: tried after all policies that do not say so */
	/* What matches: every key that is given must, by any of its values. At least one is given. */
	struct policy_exe *exe;
	size_t exe_count;
	/* names of systemd units: any cgroup on the way up that is called so; glob(7) */
	char **unit;
	unsigned *unit_line; /* where each stands */
	size_t unit_count;
	/* absolute in the hierarchy, no "/" at the end: that cgroup or one below; "/" is all */
	char **cgroup;
	size_t cgroup_count;
	uid_t *user; /* effective, at the exec */
	size_t user_count;
	bool marked; /* its ELF file asks for it: GNU_PROPERTY_MEMORY_SEAL */
	struct seal_spec seal;
};

struct policies {
	struct policy *list; /* in the order of policy_compare() */
	size_t count;
};

/* The facts of a program when it starts. */
struct policy_facts {
	/* absolute, as the process itself sees it; NULL: not known, matches no Exe= */
	const char *exe;
	const char *cgroup; /* absolute in the hierarchy, "/" for its root; NULL: not known */
	uid_t user;
	bool marked;
};

/*
 * Reads all policies of these folders (an earlier one replaces or masks files
 * of a later one; NULL ends the list; a folder that is not there has none).
 * The first folder is the administrator's: its files are always on. In the
 * others one with Enabled=no does not count.
 * A file with a fault is left out, and reported in faults; the others count.
 * So is one that others than its owner may write, or whose owner is neither
 * root nor the caller; and all files of such a folder. faults may be NULL, here and below.
 * -ENOMEM is the only error.
 */
int policies_read(const char *const *folders, struct policies *ret, struct diagnostics *faults);
/* One file whatever its name, folder and owner. 0, -EINVAL: faults say why, or -ENOMEM. */
int policy_read_file(const char *path, struct policy *ret, struct diagnostics *faults);
/* The same from memory, for tests, fuzzing and `check -`; path is for messages only. */
int policy_parse(const char *path, const char *text, size_t size, struct policy *ret,
		 struct diagnostics *faults);

/* Every file of the folders, whether or not it counts. */
enum policy_file_state {
	POLICY_FILE_ON,	   /* active */
	POLICY_FILE_OFF,   /* Enabled=no */
	POLICY_FILE_FAULT, /* would count, and does not for its faults */
	POLICY_FILE_MASK,  /* empty, or a link to /dev/null: none of this name counts */
	/* one of the same name in an earlier folder stands for it (or masks it) */
	POLICY_FILE_REPLACED,
};

struct policy_file {
	char *name;    /* without .conf */
	char *path;    /* with the root it was looked for in */
	char *link;    /* what it points to, if it is a symbolic link; else NULL */
	size_t folder; /* index */
	bool last;     /* of the file that stands for this name: Last= */
	enum policy_file_state state;
	struct policy policy; /* as read, when ON or OFF; else zeroed */
};

struct policy_files {
	struct policy_file *list; /* as policies; in the order of folders where the name is the same */
	size_t count;
};

/*
 * The same as policies_read() with all that was found. Everything is looked for
 * below root ("" or NULL: /): folders, what symbolic links and Exe= point to, users.
 */
int policy_files_read(const char *root, const char *const *folders, struct policy_files *ret,
		      struct diagnostics *faults);
/*
 * policy_read_file() and policy_parse() of a file (path is that of the caller) about programs and
 * users below root.
 */
int policy_read_file_for(const char *root, const char *path, struct policy *ret, struct diagnostics *faults);
int policy_parse_for(const char *root, const char *path, const char *text, size_t size, struct policy *ret,
		     struct diagnostics *faults);

/*
 * The policy that decides about such a program, or NULL. *ret_why (may be NULL): what of it
 * matched, such as "Exe=/usr/sbin/nginx, User=www-data"; malloc'ed, the caller frees; NULL without memory.
 */
const struct policy *policies_match(const struct policies *policies, const struct policy_facts *facts,
				    char **ret_why);
/* The order in which policies are tried: of names, those with Last=yes after all others. As strcmp(3). */
int policy_compare(const struct policy *a, const struct policy *b);
bool policy_is_glob(const char *text);
bool policy_matches(const struct policy *policy, const struct policy_facts *facts);
/* Everything that later matches, earlier does too: false where that is not easily known. */
bool policy_covers(const struct policy *earlier, const struct policy *later);

const char *policy_gate_name(enum policy_gate gate);

/* All take NULL or zeroed, and leave it zeroed. */
void policy_free(struct policy *policy);
void policies_free(struct policies *policies);
void policy_files_free(struct policy_files *files);

/* A key without a value takes all its values back. */
void policy_clear_exe(struct policy *policy);
void policy_clear_unit(struct policy *policy);
void policy_clear_cgroup(struct policy *policy);
void policy_clear_user(struct policy *policy);

#endif

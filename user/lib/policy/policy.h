/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies: which programs are sealed as they start, and how. A policy is one file NAME.conf, see
 * mseald.policy(5). The first policy that matches a program applies, in the order of names; those with
 * Last=yes come after all others. Reading and matching need no daemon.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/conf/diagnostics.h"
#include "lib/conf/load.h"
#include "lib/conf/parser.h"
#include "lib/policy/seal_spec.h"
#include "mseald/shared.h"
#define POLICY_FOLDER_ETC "/etc/mseald/policy.d"
#define POLICIES_MAX 4096 /* files read */
/* Bytes of a path in Exe= and Cgroup=, with its NUL: the limit of the BPF programs. */
#define POLICY_PATH_MAX 256

/* One value of Exe=. */
struct policy_exe {
	char *given;   /* as written */
	char *path;    /* path to match: symbolic links followed, as far as they exist */
	unsigned line; /* line in the file */
	/* FOLDER: path ends in "/"; GLOB: glob(7), * stays within a name */
	enum { POLICY_EXE_FILE, POLICY_EXE_FOLDER, POLICY_EXE_GLOB } kind;
};

struct policy {
	char *name;	   /* file name, without .conf */
	char *path;	   /* path of the file */
	char *description; /* NULL: none */
	bool enabled;	   /* Enabled=, default true; ignored in the first folder, where every file is on */
	bool last;	   /* Last=: tried after all policies without it */
	/* [Match]: for every key given, one of its values must match. At least one key is given. */
	struct policy_exe *exe;
	size_t exe_count;
	/* glob(7) patterns for names of systemd units: match the cgroup or any above it */
	char **unit;
	unsigned *unit_line; /* line of each */
	size_t unit_count;
	/* absolute in the hierarchy, without "/" at the end: this cgroup or one below; "/" matches all */
	char **cgroup;
	size_t cgroup_count;
	uid_t *user; /* effective user id at the exec */
	size_t user_count;
	bool marked; /* the program's ELF file asks for sealing: GNU_PROPERTY_MEMORY_SEAL */
	struct seal_spec seal;
};

struct policies {
	struct policy *list; /* in the order of policy_compare() */
	size_t count;
};

/* The facts of a program when it starts. */
struct policy_facts {
	/* absolute, as the process itself sees it; NULL: unknown, matches no Exe= */
	const char *exe;
	const char *cgroup; /* absolute in the hierarchy, "/" for its root; NULL: unknown */
	uid_t user;
	bool marked;
};

/*
 * Reads all policies of these folders. NULL ends the list; a missing folder is empty. An earlier folder
 * replaces or masks files of a later one. The first folder is the administrator's: its files are always on.
 * In the others, Enabled=no turns a file off.
 *
 * Left out and reported in faults: a file with a fault; a file that others than its owner may write, or whose
 * owner is neither root nor the caller; all files of such a folder. The other files are used. faults may be
 * NULL, here and below. -ENOMEM is the only error.
 */
int policies_read(const char *const *folders, struct policies *ret, struct diagnostics *faults);
/* Reads one file, whatever its name, folder and owner. 0; -EINVAL: faults say why; or -ENOMEM. */
int policy_read_file(const char *path, struct policy *ret, struct diagnostics *faults);
/* The same from memory, for tests, fuzzing and `check -`; path is for messages only. */
int policy_parse(const char *path, const char *text, size_t size, struct policy *ret,
		 struct diagnostics *faults);

/* States of the files in the folders, used or not. */
enum policy_file_state {
	POLICY_FILE_ON,	   /* active */
	POLICY_FILE_OFF,   /* Enabled=no */
	POLICY_FILE_FAULT, /* would be on, but has faults */
	POLICY_FILE_MASK,  /* empty, or a link to /dev/null: masks this name */
	/* a file of the same name in an earlier folder replaces (or masks) it */
	POLICY_FILE_REPLACED,
};

struct policy_file {
	char *name;    /* without .conf */
	char *path;    /* path, including the root */
	char *link;    /* target, if it is a symbolic link; else NULL */
	size_t folder; /* index of its folder */
	bool last;     /* Last= of the file that is used for this name */
	enum policy_file_state state;
	struct policy policy; /* as read, when ON or OFF; else zeroed */
};

struct policy_files {
	struct policy_file *list; /* order of struct policies; files of one name in the order of folders */
	size_t count;
};

/*
 * The same as policies_read(), but returns every file. Everything is looked up below root ("" or NULL: /):
 * folders, targets of symbolic links, Exe=, users.
 */
int policy_files_read(const char *root, const char *const *folders, struct policy_files *ret,
		      struct diagnostics *faults);
/*
 * policy_read_file() and policy_parse(), for programs and users below root. path is relative to the caller's
 * root.
 */
int policy_read_file_for(const char *root, const char *path, struct policy *ret, struct diagnostics *faults);
int policy_parse_for(const char *root, const char *path, const char *text, size_t size, struct policy *ret,
		     struct diagnostics *faults);

/*
 * Returns the policy that applies to such a program, or NULL. *ret_why (may be NULL): the values that
 * matched, such as "Exe=/usr/sbin/nginx, User=www-data"; malloc'ed, the caller frees; NULL without memory.
 */
const struct policy *policies_match(const struct policies *policies, const struct policy_facts *facts,
				    char **ret_why);
/* The order in which policies are tried: by name, those with Last=yes after all others. As strcmp(3). */
int policy_compare(const struct policy *a, const struct policy *b);
bool policy_is_glob(const char *text);
bool policy_matches(const struct policy *policy, const struct policy_facts *facts);
/* Does earlier match everything that later does? False if this is not easily known. */
bool policy_covers(const struct policy *earlier, const struct policy *later);

const char *policy_gate_name(enum policy_gate gate);

/* All take NULL or zeroed, and leave it zeroed. */
void policy_free(struct policy *policy);
void policies_free(struct policies *policies);
void policy_files_free(struct policy_files *files);

/* A key without a value removes all its values. */
void policy_clear_exe(struct policy *policy);
void policy_clear_unit(struct policy *policy);
void policy_clear_cgroup(struct policy *policy);
void policy_clear_user(struct policy *policy);

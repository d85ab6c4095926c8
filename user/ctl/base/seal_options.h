/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SEAL OPTIONS: the properties of seals, the same for every command that makes seals. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "ctl/base/command.h"

enum {
	SEAL_OPTION_SEGMENTS = 1024,
	SEAL_OPTION_DENY,
	SEAL_OPTION_ACTION,
	SEAL_OPTION_REVOCABLE,
};

/* Entries of an array of long options. */
#define SEAL_OPTIONS_LONG \
	{ "segments", required_argument, NULL, SEAL_OPTION_SEGMENTS }, \
		{ "deny", required_argument, NULL, SEAL_OPTION_DENY }, \
		{ "action", required_argument, NULL, SEAL_OPTION_ACTION }, \
	{ \
		"revocable", no_argument, NULL, SEAL_OPTION_REVOCABLE \
	}

/* Lines of a command's --help. */
#define SEAL_OPTIONS_HELP \
	"  --segments=LIST           the segments of the program and its libraries: text,\n" \
	"                            rodata, relro, data, vdso, stack, or all\n" \
	"  --deny=LIST               the operations to deny: mprotect, unmap, discard,\n" \
	"                            foreign-write, file-write, or all (default: the\n" \
	"                            first three)\n" \
	"  --action=ACTION           deny: the call fails with EPERM (default); kill: the\n" \
	"                            process gets SIGKILL; audit: the call is allowed and\n" \
	"                            logged\n" \
	"  --revocable               root may remove the seal (default: permanent)\n"

struct seal_options {
	unsigned segments;  /* 1 << segment; 0: not given */
	unsigned deny;	    /* 0: not given */
	const char *action; /* NULL: not given */
	bool revocable;
};

/* Handles an option returned by options_next(). 0, or the exit status after a complaint. */
int seal_options_take(const struct ctl *ctl, struct seal_options *opts, int option, const char *value);
/* Adds the given options to the parameters of io.mseald.Seal. 0 or -ENOMEM. */
int seal_options_to_json(const struct seal_options *opts, json_t *parameters);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of an OCI runtime, as engines call runc and crun: which command it is, and what
 * mseald-oci-runtime needs of its options. There is no standard for it, and both programs get new
 * options: one that is not known here changes nothing.
 */
#ifndef MSEALD_OCI_ARGUMENTS_H
#define MSEALD_OCI_ARGUMENTS_H

#include <stdbool.h>

/* Strings are borrowed of argv; NULL: not given. */
struct arguments {
	bool creates;	    /* the command is create or run */
	const char *bundle; /* --bundle; without it the folder that the runtime is started in */
	const char *config; /* --config of crun, in place of config.json */
	const char *id;	    /* of the container */
	const char *log;    /* where engines read why a command has failed */
	bool log_json;	    /* in which format */
};

/* argv as main() has it. Whatever it is, there is a result. */
void arguments_parse(char *const *argv, struct arguments *ret);

#endif

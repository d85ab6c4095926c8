/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of an OCI runtime, as engines call runc and crun: its command, and the options that
 * mseald-oci-runtime needs. No standard defines it, and both programs get new options: an unknown option
 * changes nothing.
 */
#pragma once

#include <stdbool.h>

/* Strings point into argv; NULL: not given. */
struct arguments {
	bool creates;	    /* the command is create or run */
	const char *bundle; /* --bundle; default: the working directory */
	const char *config; /* --config of crun, in place of config.json */
	const char *id;	    /* container id */
	const char *log;    /* file where engines read why a command has failed */
	bool log_json;	    /* format of that file */
};

/* argv as of main(). Any argv gives a result. */
void arguments_parse(char *const *argv, struct arguments *ret);

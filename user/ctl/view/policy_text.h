/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A policy and its faults, as text and as JSON. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/policy/policy.h"

/* Prints keys and values as the daemon uses them, in the syntax of a file. False: out of memory. */
bool policy_text_print(const struct policy *policy, bool utf8);
/* The same as a JSON object; NULL: out of memory. */
json_t *policy_text_to_json(const struct policy *policy);
/* [{path, line, message}...]; NULL: out of memory. */
json_t *policy_text_diagnostics_to_json(const struct diagnostics *faults);
/* Prints one line for each fault to out, escaped, with prefix before the message. False: out of memory. */
bool policy_text_print_diagnostics(const struct diagnostics *faults, const char *prefix, FILE *out);

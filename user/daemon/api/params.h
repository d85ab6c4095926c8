/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parameters of varlink calls. Each reader returns 0, or a negative errno with the parameter's name in
 * *ret_bad, for reply_bad(). A missing parameter leaves *ret alone.
 */
#pragma once

#include <jansson.h>

#include "seal/plan.h"

/* The parameter is present, and not null. */
bool params_given(json_t *parameters, const char *name);
int params_pid(json_t *parameters, bool needed, pid_t *ret, const char **ret_bad);
int params_bool(json_t *parameters, const char *name, bool *ret, const char **ret_bad);
/* -E2BIG: more than a request may have. The caller frees *ret. */
int params_ranges(json_t *parameters, struct range **ret, size_t *ret_count, const char **ret_bad);
/* A struct seal_spec: segments, deny, action, dlopen, revocable. */
int params_seal_spec(json_t *parameters, struct seal_spec *ret, const char **ret_bad);

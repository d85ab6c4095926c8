// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module of nginx: each worker seals itself when all modules are loaded. nginx unloads modules as a worker
 * ends. So this one is linked with -z nodelete, as every other loaded module must be.
 */
#include <ngx_config.h>
#include <ngx_core.h>

#include <mseal.h>

static ngx_int_t seal(ngx_cycle_t *cycle)
{
	if (mseal_after_start(0) == 0)
		return NGX_OK;
	ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "mseal_after_start() failed");
	return NGX_ERROR;
}

static ngx_core_module_t context = { ngx_string("mseal"), NULL, NULL };
ngx_module_t ngx_mseal_module = { NGX_MODULE_V1, &context, NULL, NGX_CORE_MODULE,      NULL, NULL, seal, NULL,
				  NULL,		 NULL,	   NULL, NGX_MODULE_V1_PADDING };

/* load_module looks for these. */
ngx_module_t *ngx_modules[] = { &ngx_mseal_module, NULL };
char *ngx_module_names[] = { "ngx_mseal_module", NULL };
char *ngx_module_order[] = { NULL };

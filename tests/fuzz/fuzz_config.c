/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as mseald.conf give a valid configuration; or lines that name the faults, and no change. Never
 * both. An accepted file is written out and must read back the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define PATH "fuzz.conf"
#define DAY_US UINT64_C(86400000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool equal(const struct config *a, const struct config *b)
{
	return a->gate == b->gate && a->debug == b->debug && a->lock == b->lock &&
	       a->lock_signals == b->lock_signals && a->user_spaces == b->user_spaces &&
	       a->native_after == b->native_after && a->settle == b->settle;
}

static void check_faults(const struct diagnostics *faults, size_t lines)
{
	/* 20, and a line with the number of further ones. */
	CHECK(faults->count > 0 && faults->count <= 21);
	for (size_t i = 0; i < faults->count; i++) {
		_cleanup_free_ char *text = diagnostic_text(&faults->list[i]);

		CHECK(text && strcmp(faults->list[i].path, PATH) == 0 && *faults->list[i].message);
		CHECK(faults->list[i].line <= lines);
		/* A line has one fault; the number of further ones comes last, without a line number. */
		CHECK(i == 0 || faults->list[i].line > faults->list[i - 1].line ||
		      (i == 20 && faults->list[i].line == 0));
		for (const char *c = text; *c; c++)
			CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

/* Parses. The result depends on the earlier settings only for keys that the text does not set. */
static int parse(const void *text, size_t size, struct config *config, size_t lines)
{
	const struct config before = *config;
	struct diagnostics faults = {};
	int r;

	r = config_parse(PATH, text, size, config, &faults);
	CHECK(r == 0 || r == -EINVAL);
	if (r < 0) {
		check_faults(&faults, lines);
		CHECK(equal(config, &before));
	} else {
		CHECK(faults.count == 0);
		CHECK(config->gate <= GATE_DENY && config->user_spaces > 0 &&
		      config->user_spaces <= MSEALD_MAX_SPACES);
		CHECK(config->settle >= 1000000 && config->settle <= DAY_US &&
		      (config->native_after <= DAY_US || config->native_after == CONFIG_NEVER));
		CHECK(memchr(text, '[', size) || equal(config, &before));
	}
	diagnostics_free(&faults);
	return r;
}

static void check_round(const struct config *config)
{
	static const char *const gates[] = { "auto", "bpf", "kill", "deny" };
	struct config again = { .gate = GATE_KILL, .user_spaces = 5, .native_after = 5, .settle = 1000005 };
	char text[200], native_after[32] = "infinity";
	int length;

	/* Smaller units cannot be written. */
	CHECK(config->settle % 1000 == 0);
	if (config->native_after != CONFIG_NEVER) {
		CHECK(config->native_after % 1000 == 0);
		(void)snprintf(native_after, sizeof(native_after), "%" PRIu64 "ms",
			       config->native_after / 1000);
	}
	length = snprintf(text, sizeof(text),
			  "[Mseald]\nGate=%s\nDebug=%s\nLock=%s\nLockSignals=%s\nUserSpaces=%u\n"
			  "NativeAfter=%s\nSettle=%" PRIu64 "ms\n",
			  gates[config->gate], config->debug ? "yes" : "no", config->lock ? "yes" : "no",
			  config->lock_signals ? "yes" : "no", config->user_spaces, native_after,
			  config->settle / 1000);
	CHECK(parse(text, (size_t)length, &again, 8) == 0 && equal(config, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config = CONFIG_DEFAULT;
	/* All differ from the defaults, to show settings that a text leaves alone. */
	struct config other = {
		.gate = GATE_DENY,
		.debug = true,
		.lock = true,
		.user_spaces = 7,
		.native_after = 7000,
		.settle = 7000000,
	};
	struct config twice;
	size_t lines = 1;
	int r;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	r = parse(data, size, &config, lines);
	CHECK(parse(data, size, &other, lines) == r);
	if (r < 0)
		return 0;
	twice = config;
	CHECK(parse(data, size, &twice, lines) == 0 && equal(&twice, &config));
	/* Settings of the text are the same in both; the others are unchanged. */
	CHECK(config.gate == other.gate || (config.gate == GATE_AUTO && other.gate == GATE_DENY));
	CHECK(config.debug == other.debug || (!config.debug && other.debug));
	CHECK(config.lock == other.lock || (!config.lock && other.lock));
	CHECK(config.lock_signals == other.lock_signals || (config.lock_signals && !other.lock_signals));
	CHECK(config.user_spaces == other.user_spaces ||
	      (config.user_spaces == MSEALD_QUOTA_EACH && other.user_spaces == 7));
	CHECK(config.native_after == other.native_after ||
	      (config.native_after == CONFIG_NATIVE_AFTER && other.native_after == 7000));
	CHECK(config.settle == other.settle || (config.settle == CONFIG_SETTLE && other.settle == 7000000));
	check_round(&config);
	return 0;
}

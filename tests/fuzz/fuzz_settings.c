/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as mseald.conf: settings that the daemon can work with, or lines that say why not, and nothing changed.
 * Never both. What is taken is written out and must read back the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "lib/base/util.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define PATH "fuzz.conf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool equal(const struct settings *a, const struct settings *b)
{
	return a->gate == b->gate && a->debug == b->debug && a->lock == b->lock && a->lock_signals == b->lock_signals &&
	       a->user_spaces == b->user_spaces;
}

static void check_faults(const struct diagnostics *faults, size_t lines)
{
	/* 20, and how many more there are. */
	CHECK(faults->count > 0 && faults->count <= 21);
	for (size_t i = 0; i < faults->count; i++) {
		_cleanup_free_ char *text = diagnostic_text(&faults->list[i]);

		CHECK(text && strcmp(faults->list[i].path, PATH) == 0 && *faults->list[i].message);
		CHECK(faults->list[i].line <= lines);
		/* A line has one fault; that there are more is told last, of no line. */
		CHECK(i == 0 || faults->list[i].line > faults->list[i - 1].line || (i == 20 && faults->list[i].line == 0));
		for (const char *c = text; *c; c++)
			CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

/* Parses; what comes of it does not hang on what was there before but for keys that the text does not set. */
static int parse(const void *text, size_t size, struct settings *settings, size_t lines)
{
	const struct settings before = *settings;
	struct diagnostics faults = {};
	int r;

	r = settings_parse(PATH, text, size, settings, &faults);
	CHECK(r == 0 || r == -EINVAL);
	if (r < 0) {
		check_faults(&faults, lines);
		CHECK(equal(settings, &before));
	} else {
		CHECK(faults.count == 0);
		CHECK(settings->gate <= GATE_DENY && settings->user_spaces > 0 && settings->user_spaces <= MSEALD_MAX_SPACES);
		CHECK(memchr(text, '[', size) || equal(settings, &before));
	}
	diagnostics_free(&faults);
	return r;
}

static void check_round(const struct settings *settings)
{
	static const char *const gates[] = { "auto", "bpf", "kill", "deny" };
	struct settings again = { .gate = GATE_KILL, .user_spaces = 5 };
	char text[160];
	int length;

	length = snprintf(text, sizeof(text), "[Mseald]\nGate=%s\nDebug=%s\nLock=%s\nLockSignals=%s\nUserSpaces=%u\n",
			  gates[settings->gate], settings->debug ? "yes" : "no", settings->lock ? "yes" : "no",
			  settings->lock_signals ? "yes" : "no", settings->user_spaces);
	CHECK(parse(text, (size_t)length, &again, 6) == 0 && equal(settings, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings = SETTINGS_DEFAULT;
	/* Each other than its default, so that what a text leaves alone can be seen. */
	struct settings other = { .gate = GATE_DENY, .debug = true, .lock = true, .user_spaces = 7 };
	struct settings twice;
	size_t lines = 1;
	int r;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	r = parse(data, size, &settings, lines);
	CHECK(parse(data, size, &other, lines) == r);
	if (r < 0)
		return 0;
	twice = settings;
	CHECK(parse(data, size, &twice, lines) == 0 && equal(&twice, &settings));
	/* What the text sets, it sets alike; what it does not, is as it was. */
	CHECK(settings.gate == other.gate || (settings.gate == GATE_AUTO && other.gate == GATE_DENY));
	CHECK(settings.debug == other.debug || (!settings.debug && other.debug));
	CHECK(settings.lock == other.lock || (!settings.lock && other.lock));
	CHECK(settings.lock_signals == other.lock_signals || (settings.lock_signals && !other.lock_signals));
	CHECK(settings.user_spaces == other.user_spaces || (settings.user_spaces == MSEALD_PLACES_EACH && other.user_spaces == 7));
	check_round(&settings);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Formats events: see event.h. */
#include <inttypes.h>

#include "ctl/base/reply.h"
#include "ctl/base/text.h"
#include "ctl/view/event.h"
#include "lib/base/clock.h"
#include "lib/base/util.h"

int64_t event_clock_offset(void)
{
	return (int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME));
}

const char *event_time(int64_t realtime, char buf[EVENT_TIME_MAX])
{
	time_t seconds = (time_t)(realtime / (int64_t)NS_PER_SECOND);
	unsigned milliseconds = (unsigned)(realtime % (int64_t)NS_PER_SECOND / 1000000) % 1000;
	struct tm local = {};
	size_t length;

	if (!localtime_r(&seconds, &local))
		return strcpy(buf, "?");
	length = strftime(buf, EVENT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &local);
	(void)snprintf(buf + length, EVENT_TIME_MAX - length, ".%03u", milliseconds);
	return buf;
}

/* "/813", unless it is the first thread. */
static void format_thread(const json_t *event, char thread[24])
{
	uint64_t tid = reply_integer(event, "tid");

	*thread = '\0';
	if (tid && tid != reply_integer(event, "pid"))
		(void)snprintf(thread, 24, "/%" PRIu64, tid);
}

char *event_denial_line(const json_t *denial, int64_t clock_offset, bool utf8)
{
	const char *container = reply_string(denial, "container");
	_cleanup_free_ char *text = NULL;
	char time[EVENT_TIME_MAX], thread[24], who[96] = "unknown process";

	format_thread(denial, thread);
	if (reply_integer(denial, "pid"))
		(void)snprintf(who, sizeof(who), "%.40s[%" PRIu64 "%s] uid %" PRIu64,
			       reply_string(denial, "comm"), reply_integer(denial, "pid"), thread,
			       reply_integer(denial, "uid"));
	text = FORMAT_NEW("%s %s denied %s (lock)%s%s",
			  event_time((int64_t)reply_integer(denial, "time") + clock_offset, time), who,
			  reply_string(denial, "operation"), *container ? " container " : "", container);
	return text ? text_escape(text, utf8) : NULL;
}

char *event_line(const json_t *event, int64_t clock_offset, bool utf8)
{
	const json_t *seal = json_object_get(event, "seal");
	uint64_t pid = reply_integer(event, "pid");
	const char *segment = reply_string(event, "segment");
	const char *container = reply_string(event, "container");
	_cleanup_free_ char *text = NULL;
	char time[EVENT_TIME_MAX], thread[24];

	format_thread(event, thread);
	text = FORMAT_NEW("%s %s[%" PRIu64 "%s] uid %" PRIu64 " %s %s 0x%" PRIx64 "+%" PRIu64
			  " (%s 0x%" PRIx64 "-0x%" PRIx64 ") at ip 0x%" PRIx64 "%s%s",
			  event_time((int64_t)reply_integer(event, "time") + clock_offset, time),
			  reply_string(event, "comm"), pid, thread, reply_integer(event, "uid"),
			  reply_string(event, "verdict"), reply_string(event, "operation"),
			  reply_integer(event, "address"), reply_integer(event, "length"),
			  *segment && strcmp(segment, "none") != 0 ? segment : "seal",
			  reply_integer(seal, "start"), reply_integer(seal, "end"),
			  reply_integer(event, "ip"), *container ? " container " : "", container);
	return text ? text_escape(text, utf8) : NULL;
}

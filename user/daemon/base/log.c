// SPDX-License-Identifier: LGPL-2.1-or-later
/* See log.h. */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define LINE_MAX_BYTES 2048

enum way {
	WAY_UNKNOWN,
	WAY_JOURNAL,  /* stderr is the journal: send entries to its socket instead */
	WAY_PRIORITY, /* the reader of the stream strips "<5>" from the line */
	WAY_PLAIN,
};

static enum log_level most = LOG_LEVEL_INFO;

/* Random; never change them, since others may search for them. */
static const char *const ids[LOG_ABOUT_COUNT] = {
	[LOG_ABOUT_DENIED] = "d8b1ac7d4fd14f7d8fc881def7938fad",
	[LOG_ABOUT_KILLED] = "77702fc200194383ae69f73c91a8318f",
	[LOG_ABOUT_AUDITED] = "77241214ea434d23a577f938f26a00c8",
	[LOG_ABOUT_SUPPRESSED] = "42a01760f2af4815b43ccd6bb9b19647",
	[LOG_ABOUT_LOST] = "b18172bbe3b54fdea08436d03b3e4201",
	[LOG_ABOUT_SLIPPED] = "0a726087079144919151b05309152f61",
	[LOG_ABOUT_SEALED] = "8f032619773247319d3a9f9e117641d8",
	[LOG_ABOUT_NOT_SEALED] = "1abe87990fa64a2ca03ae3011660f710",
	[LOG_ABOUT_UNSEALED] = "e4727106a9b64607a6d02d9d547d70db",
	[LOG_ABOUT_POLICY_FAULT] = "c885f95892524a5ab5aa347593be3c45",
	[LOG_ABOUT_LOCK_DENIED] = "1b1b1c1365f2458486ffb6f01c975cfd",
	[LOG_ABOUT_LOCK_DENIED_MORE] = "d8e0fdd0937249aeab1650f112c93a47",
	[LOG_ABOUT_STARTED] = "6dcca79aa950484495d08e6f9161b96e",
	[LOG_ABOUT_STOPPED] = "1c77999d1d8c4071aebf391bbaacdc13",
};

void log_set_level(enum log_level level)
{
	most = level;
}

const char *log_message_id(enum log_about about)
{
	return ids[about];
}

void log_field(struct log_fields *fields, const char *format, ...)
{
	char *at = fields->text + fields->used;
	size_t room = sizeof(fields->text) - fields->used;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(at, room, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= room || fields->count == LOG_FIELDS_MAX)
		return;
	fields->list[fields->count++] = at;
	fields->used += (size_t)n + 1;
}

/* systemd.exec(5), $JOURNAL_STREAM: a process may inherit it with another stderr. */
static bool is_journal(const struct stat *status)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;

	return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
	       device == status->st_dev && inode == status->st_ino;
}

static enum way find_way(void)
{
	struct stat status;

	if (fstat(STDERR_FILENO, &status) < 0)
		return WAY_PLAIN;
	if (is_journal(&status))
		return WAY_JOURNAL;
	/* /dev/kmsg, or a pipe to a logger. In a file the priority would stay in the line. */
	return getenv("INVOCATION_ID") && !isatty(STDERR_FILENO) && !S_ISREG(status.st_mode) ? WAY_PRIORITY :
											       WAY_PLAIN;
}

static int send_entry(enum log_level level, enum log_about about, const struct log_fields *fields,
		      const char *line)
{
	struct iovec parts[LOG_FIELDS_MAX + 3];
	char message[LINE_MAX_BYTES + 8], priority[16], id[48];
	int count = 0;

	FORMAT(message, "MESSAGE=%s", line);
	FORMAT(priority, "PRIORITY=%d", (int)level);
	parts[count++] = (struct iovec){ message, strlen(message) };
	parts[count++] = (struct iovec){ priority, strlen(priority) };
	if (ids[about]) {
		FORMAT(id, "MESSAGE_ID=%s", ids[about]);
		parts[count++] = (struct iovec){ id, strlen(id) };
	}
	for (size_t i = 0; fields && i < fields->count; i++)
		parts[count++] = (struct iovec){ (void *)fields->list[i], strlen(fields->list[i]) };
	return sd_journal_sendv(parts, count);
}

void log_entry(enum log_level level, enum log_about about, const struct log_fields *fields,
	       const char *format, ...)
{
	static enum way way = WAY_UNKNOWN;
	char line[LINE_MAX_BYTES];
	va_list arguments;

	if (level > most)
		return;
	if (way == WAY_UNKNOWN)
		way = find_way();
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (way == WAY_JOURNAL && send_entry(level, about, fields, line) >= 0)
		return;
	/* The journal also takes the priority from the line. */
	if (way == WAY_PLAIN)
		(void)fprintf(stderr, "mseald: %s\n", line);
	else
		(void)fprintf(stderr, "<%d>%s\n", (int)level, line);
}

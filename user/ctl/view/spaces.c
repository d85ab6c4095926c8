// SPDX-License-Identifier: LGPL-2.1-or-later
/* Fetches and reads lists of seals: see spaces.h. */
#include <ctype.h>

#include "ctl/base/client.h"
#include "ctl/base/error.h"
#include "ctl/base/reply.h"
#include "ctl/view/spaces.h"
#include "lib/base/names_json.h"
#include "lib/base/util.h"

void spaces_free_seals(struct space_seals *seals)
{
	free(seals->list);
	*seals = (struct space_seals){};
}

/*
 * Fills in members that mseald leaves out because they are the same as in the space before (io.mseald.List,
 * once).
 */
static int fill_in(json_t *space, json_t **last)
{
	static const char *const sent_once[] = { "seals", "policy", "program" };
	bool sent = json_object_get(space, sent_once[0]);

	for (size_t i = 0; !sent && i < ELEMENTS(sent_once); i++) {
		json_t *value = json_object_get(*last, sent_once[i]);

		if (value && json_object_set(space, sent_once[i], value) < 0)
			return error_out_of_memory();
	}
	json_decref(*last);
	*last = json_incref(space);
	return 0;
}

/* Receives replies until the last one. */
static int receive_all(const struct ctl *ctl, struct varlink_client *client,
		       int (*each)(const json_t *space, void *context), void *context)
{
	_cleanup_json_ json_t *last = NULL;
	bool continues = true;

	while (continues) {
		_cleanup_json_ json_t *reply = NULL;
		_cleanup_free_ char *error = NULL;
		json_t *space;
		size_t i;
		int r;

		r = varlink_receive(client, &reply, &error, &continues);
		if (r < 0)
			return client_complain_connection(ctl, r);
		if (r > 0)
			return strcmp(error, "io.mseald.NotSealed") == 0 ?
				       0 :
				       client_complain_reply(error, reply);
		json_array_foreach(json_object_get(reply, "spaces"), i, space) {
			r = fill_in(space, &last);
			if (!r)
				r = each(space, context);
			if (r)
				return r;
		}
	}
	return 0;
}

int spaces_each(const struct ctl *ctl, pid_t pid, int (*each)(const json_t *space, void *context),
		void *context)
{
	_cleanup_json_ json_t *parameters = pid ? json_pack("{s:i,s:b}", "pid", pid, "once", true) :
						  json_pack("{s:b}", "once", true);
	_cleanup_client_ struct varlink_client *client = NULL;
	int r;

	if (!parameters)
		return error_out_of_memory();
	r = client_connect(ctl, &client);
	if (r)
		return r;
	r = varlink_send_more(client, "io.mseald.List", parameters);
	if (r < 0)
		return client_complain_connection(ctl, r);
	return receive_all(ctl, client, each, context);
}

static int keep(const json_t *space, void *context)
{
	return json_array_append(context, (json_t *)space) < 0 ? error_out_of_memory() : 0;
}

static json_int_t first_pid(const json_t *space)
{
	return json_integer_value(json_array_get(json_object_get(space, "pids"), 0));
}

static int compare_spaces(const void *a, const void *b)
{
	json_int_t x = first_pid(*(json_t *const *)a), y = first_pid(*(json_t *const *)b);

	return x < y ? -1 : x > y;
}

/* Returns a new array with the same elements, sorted by pid. NULL: no memory. */
static json_t *sort_spaces(const json_t *spaces)
{
	size_t count = json_array_size(spaces), i;
	_cleanup_free_ json_t **list = calloc(count + 1, sizeof(json_t *));
	_cleanup_json_ json_t *sorted = json_array();
	json_t *space;

	if (!list || !sorted)
		return NULL;
	json_array_foreach(spaces, i, space)
		list[i] = space;
	qsort(list, count, sizeof(json_t *), compare_spaces);
	for (i = 0; i < count; i++)
		if (json_array_append(sorted, list[i]) < 0)
			return NULL;
	return TAKE_PTR(sorted);
}

int spaces_fetch(const struct ctl *ctl, pid_t pid, json_t **ret_document)
{
	_cleanup_json_ json_t *spaces = json_array(), *document = NULL;
	int r;

	if (!spaces)
		return error_out_of_memory();
	r = spaces_each(ctl, pid, keep, spaces);
	if (r)
		return r;
	document = json_pack("{s:o}", "spaces", sort_spaces(spaces));
	if (!document)
		return error_out_of_memory();
	*ret_document = TAKE_PTR(document);
	return 0;
}

static bool has_space(const json_t *spaces, const json_t *space)
{
	const json_t *other;
	size_t i;

	json_array_foreach(spaces, i, other)
		if (json_equal(json_object_get(other, "id"), json_object_get(space, "id")))
			return true;
	return false;
}

int spaces_fetch_targets(const struct ctl *ctl, const struct targets *targets, json_t **ret_document)
{
	_cleanup_json_ json_t *spaces = json_array();
	size_t failed = 0, i, j;
	json_t *space;
	int status = 0;

	if (targets->count < 2)
		return spaces_fetch(ctl, targets->count ? targets->list[0] : 0, ret_document);
	for (i = 0; i < targets->count && status != CTL_NOT_RUNNING; i++) {
		_cleanup_json_ json_t *document = NULL;
		int r = spaces_fetch(ctl, targets->list[i], &document);

		failed += r != 0;
		status = r ?: status;
		json_array_foreach(json_object_get(document, "spaces"), j, space)
			if (!has_space(spaces, space))
				(void)json_array_append(spaces, space);
	}
	if (failed == targets->count || status == CTL_NOT_RUNNING)
		return status;
	*ret_document = json_pack("{s:O}", "spaces", spaces);
	return !*ret_document ? error_out_of_memory() : failed ? CTL_PARTLY : CTL_OK;
}

struct space_seal spaces_seal_from_json(const json_t *seal)
{
	int segment = names_find_segment(reply_string(seal, "segment"));
	struct space_seal result = {
		.start = reply_integer(seal, "start"),
		.end = reply_integer(seal, "end"),
		.segment = segment < 0 ? MSEALD_SEGMENT_NONE : (enum mseald_segment)segment,
		.revocable = reply_bool(seal, "revocable"),
		.gate = reply_string(seal, "gate"),
		.attempts = reply_integer(seal, "attempts"),
	};

	for (unsigned action = 0; action < MSEALD_ACTION_COUNT; action++)
		result.deny[action] = names_json_read(seal, names_action(action), names_find_deny);
	return result;
}

static int compare_seals(const void *a, const void *b)
{
	const struct space_seal *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

int spaces_seals_from_document(const json_t *document, struct space_seals *ret)
{
	const json_t *spaces = json_object_get(document, "spaces"), *space;
	struct space_seals seals = {};
	size_t i, j, count = 0;

	json_array_foreach(spaces, i, space)
		count += json_array_size(json_object_get(space, "seals"));
	seals.list = calloc(count ? count : 1, sizeof(*seals.list));
	if (!seals.list)
		return -ENOMEM;
	json_array_foreach(spaces, i, space) {
		const json_t *list = json_object_get(space, "seals"), *seal;

		json_array_foreach(list, j, seal) {
			struct space_seal one = spaces_seal_from_json(seal);

			if (one.start < one.end)
				seals.list[seals.count++] = one;
		}
	}
	qsort(seals.list, seals.count, sizeof(*seals.list), compare_seals);
	*ret = seals;
	return 0;
}

static const char *deny_letters(const unsigned masks[MSEALD_ACTION_COUNT], char buf[SPACES_DENY_TEXT_MAX])
{
	size_t length = 0;

	for (unsigned bit = 1; bit & MSEALD_DENY_ALL; bit <<= 1) {
		/* "f" stands for foreign-write. */
		char letter = bit == MSEALD_DENY_FILE_WRITE ? 'w' : names_deny(bit)[0];

		if (masks[MSEALD_ACTION_KILL] & bit) {
			buf[length++] = (char)toupper((unsigned char)letter);
		} else if (masks[MSEALD_ACTION_DENY] & bit) {
			buf[length++] = letter;
		} else if (masks[MSEALD_ACTION_AUDIT] & bit) {
			buf[length++] = '~';
			buf[length++] = letter;
		}
	}
	if (length == 0)
		buf[length++] = '-';
	buf[length] = '\0';
	return buf;
}

const char *spaces_deny_text(const unsigned masks[MSEALD_ACTION_COUNT], bool short_form,
			     char buf[SPACES_DENY_TEXT_MAX])
{
	/* The strongest action wins: a killed operation is not also shown as denied or logged. */
	const unsigned kill = masks[MSEALD_ACTION_KILL];
	const unsigned deny = masks[MSEALD_ACTION_DENY] & ~kill;
	const unsigned audit = masks[MSEALD_ACTION_AUDIT] & ~kill & ~deny;
	const struct {
		const char *prefix;
		unsigned deny;
	} parts[] = {
		{ "", deny },
		{ "kill:", kill },
		{ "audit:", audit },
	};
	size_t length = 0;

	if (short_form)
		return deny_letters(masks, buf);
	(void)strcpy(buf, "-");
	for (size_t i = 0; i < ELEMENTS(parts); i++) {
		char names[48];

		if (!parts[i].deny)
			continue;
		length += (size_t)snprintf(buf + length, SPACES_DENY_TEXT_MAX - length, "%s%s%s",
					   length ? " " : "", parts[i].prefix,
					   names_format_deny(parts[i].deny, names, sizeof(names)));
	}
	return buf;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as a config.json. With the hook added, the text around the hook is unchanged, and the document is
 * valid JSON with the same contents besides the hook. Or there is a printable message. Never both.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "lib/base/util.h"

#define HOOK "/h/mseald-oci-hook"
#define PARSE (JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)
#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fault(const struct fault *fault)
{
	size_t length = strnlen(fault->text, sizeof(fault->text));

	CHECK(length > 0 && length < sizeof(fault->text));
	for (size_t i = 0; i < length; i++)
		CHECK((unsigned char)fault->text[i] >= 0x20 && fault->text[i] != 0x7f);
}

/* The common prefix and suffix are the whole old text, except for a null that the hook replaces. */
static void check_text(const char *old, size_t old_size, const char *new, size_t new_size)
{
	size_t start = 0, end = 0;

	CHECK(new_size > old_size);
	while (start < old_size && old[start] == new[start])
		start++;
	while (end < old_size - start && old[old_size - 1 - end] == new[new_size - 1 - end])
		end++;
	CHECK(start + end == old_size || (start + end <= old_size && old_size - start - end <= 4));
}

/* The last hook of the stage is mseald's; without it, the document is the old one. */
static void check_document(const char *old, size_t old_size, const char *new, size_t new_size)
{
	json_t *before = json_loadb(old, old_size, PARSE, NULL);
	json_t *after = json_loadb(new, new_size, PARSE, NULL);
	json_t *list = json_object_get(json_object_get(after, "hooks"), "createRuntime");
	size_t count = json_array_size(list);
	const char *path, *key;
	json_t *value;

	CHECK(before && after && count > 0);
	path = json_string_value(json_object_get(json_array_get(list, count - 1), "path"));
	CHECK(path && strcmp(path, HOOK) == 0);
	CHECK(count ==
	      1 + json_array_size(json_object_get(json_object_get(before, "hooks"), "createRuntime")));
	json_object_foreach(before, key, value)
		CHECK(strcmp(key, "hooks") == 0 || json_equal(value, json_object_get(after, key)));
	json_decref(before);
	json_decref(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(bundle_free) struct bundle bundle = {};
	_cleanup_free_ char *text = malloc(size + 1);
	struct fault fault = {};
	int r;

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	r = bundle_edit(text, size, HOOK, &bundle, &fault);
	if (r < 0) {
		CHECK(r == -EINVAL && !bundle.text);
		check_fault(&fault);
	} else if (bundle.text) {
		CHECK(bundle.asked);
		check_text(text, size, bundle.text, bundle.size);
		check_document(text, size, bundle.text, bundle.size);
	}
	return 0;
}

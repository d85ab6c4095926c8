// SPDX-License-Identifier: LGPL-2.1-or-later
/* See bundle.h. */
#include "bundle.h"

#include <stdarg.h>

#include "lib/base/util.h"
#include "lib/conf/load.h"

#define HOOK_NAME "mseald-oci-hook"

static int wrong(struct fault *fault, int error, const char *format, ...) _printf_(3, 4);

static int wrong(struct fault *fault, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
	va_end(arguments);
	(void)state_clean(fault->text);
	return error;
}

/* --- positions in a valid JSON text --- */

static const char *skip_blank(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* The position after the string that begins at at. */
static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

/* The position after the value that begins at at. */
static const char *skip_value(const char *at)
{
	unsigned depth = 0;

	do {
		if (*at == '"') {
			at = skip_string(at);
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (*at == '}' || *at == ']') {
			depth--;
			at++;
		} else if (depth) {
			at++;
		} else {
			at += strcspn(at, ",]} \t\r\n");
		}
	} while (depth && *at);
	return at;
}

/* The value of a member of the object that begins at object; NULL: no member with that key. */
static const char *find_member(const char *object, const char *key)
{
	const char *at = skip_blank(object + 1);

	while (*at == '"') {
		const char *end = skip_string(at);
		bool found = (size_t)(end - at) == strlen(key) + 2 && strncmp(at + 1, key, strlen(key)) == 0;

		at = skip_blank(end);
		at = skip_blank(*at == ':' ? at + 1 : at);
		if (found)
			return at;
		at = skip_blank(skip_value(at));
		at = skip_blank(*at == ',' ? at + 1 : at);
	}
	return NULL;
}

/* --- the hook --- */

/* A text to insert: before, the hook, after; it replaces [start, end). */
struct insertion {
	const char *start, *end, *before, *after;
};

/* Inserts as the first member of an object. */
static struct insertion into_object(const char *object, const char *before, const char *after_alone,
				    const char *after)
{
	const char *first = skip_blank(object + 1);

	return (struct insertion){ object + 1, object + 1, before, *first == '}' ? after_alone : after };
}

static struct insertion find_place(const char *text)
{
	const char *top = skip_blank(text), *hooks = find_member(top, "hooks"), *list, *end;

	if (!hooks)
		return into_object(top, "\"hooks\":{\"createRuntime\":[", "]}", "]},");
	if (*hooks != '{')
		return (struct insertion){ hooks, skip_value(hooks), "{\"createRuntime\":[", "]}" };
	list = find_member(hooks, "createRuntime");
	if (!list)
		return into_object(hooks, "\"createRuntime\":[", "]", "],");
	end = skip_value(list);
	if (*list != '[')
		return (struct insertion){ list, end, "[", "]" };
	/* After the hooks of others. */
	return (struct insertion){ end - 1, end - 1, *skip_blank(list + 1) == ']' ? "" : ",", "" };
}

/* Has the list a hook of mseald, perhaps from base_runtime_spec or hooks.d? */
static bool has_hook(const json_t *list)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const char *path = json_string_value(json_object_get(entry, "path"));
		const char *slash = path ? strrchr(path, '/') : NULL;

		if (slash && strcmp(slash + 1, HOOK_NAME) == 0)
			return true;
	}
	return false;
}

/* Adds the hook to the document, which the edited text must equal. */
static int add_to_document(json_t *document, json_t *hook)
{
	json_t *hooks = json_object_get(document, "hooks"), *list;

	if (!json_is_object(hooks) && json_object_set_new(document, "hooks", json_object()) < 0)
		return -ENOMEM;
	hooks = json_object_get(document, "hooks");
	list = json_object_get(hooks, "createRuntime");
	if (!json_is_array(list) && json_object_set_new(hooks, "createRuntime", json_array()) < 0)
		return -ENOMEM;
	return json_array_append(json_object_get(hooks, "createRuntime"), hook) < 0 ? -ENOMEM : 0;
}

static json_t *parse(const char *text, size_t size, json_error_t *error)
{
	/* If a key occurs twice, another reader may take the other value. */
	return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
			  error);
}

static int insert_hook(const char *text, const char *entry, json_t *document, struct bundle *bundle,
		       struct fault *fault)
{
	struct insertion place = find_place(text);
	json_error_t error;
	json_t *result;
	int size;
	bool same;

	size = asprintf(&bundle->text, "%.*s%s%s%s%s", (int)(place.start - text), text, place.before, entry,
			place.after, place.end);
	if (size < 0) {
		bundle->text = NULL;
		return -ENOMEM;
	}
	bundle->size = (size_t)size;
	/* A key written with escapes was not found in the text. */
	result = parse(bundle->text, bundle->size, &error);
	same = result && json_equal(result, document);
	json_decref(result);
	if (same)
		return 0;
	free(TAKE_PTR(bundle->text));
	return wrong(fault, -EINVAL, "the key hooks or createRuntime is written with escapes in it");
}

/* Returns the hook as text; malloc'ed. NULL: no memory, or its path is not UTF-8. */
static char *hook_text(const char *path)
{
	json_t *string = json_string(path);
	_cleanup_free_ char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	json_decref(string);
	return quoted ? FORMAT_NEW("{\"path\":%s,\"timeout\":%d}", quoted, BUNDLE_HOOK_TIMEOUT_S) : NULL;
}

static int add_hook(const char *text, json_t *document, const char *path, struct bundle *bundle,
		    struct fault *fault)
{
	const json_t *hooks = json_object_get(document, "hooks");
	const json_t *list = json_object_get(hooks, "createRuntime");
	_cleanup_free_ char *entry = NULL;
	json_error_t error;
	json_t *hook;
	int r;

	if (hooks && !json_is_object(hooks) && !json_is_null(hooks))
		return wrong(fault, -EINVAL, "the hooks are not a JSON object");
	if (list && !json_is_array(list) && !json_is_null(list))
		return wrong(fault, -EINVAL, "the key hooks.createRuntime is not a JSON array");
	if (has_hook(list))
		return 0;
	entry = hook_text(path);
	hook = entry ? parse(entry, strlen(entry), &error) : NULL;
	if (!hook)
		return wrong(fault, -EINVAL, "the path of the hook, %.200s, is not UTF-8", path);
	r = add_to_document(document, hook);
	json_decref(hook);
	return r < 0 ? r : insert_hook(text, entry, document, bundle, fault);
}

int bundle_edit(const char *text, size_t size, const char *hook, struct bundle *ret, struct fault *fault)
{
	const json_t *annotations;
	json_t *document;
	json_error_t error;
	const char *name;
	void *at;
	int r;

	*ret = (struct bundle){};
	if (size > BUNDLE_CONFIG_MAX)
		return wrong(fault, -EINVAL, "the file is longer than %u bytes", BUNDLE_CONFIG_MAX);
	if (memchr(text, '\0', size))
		return wrong(fault, -EINVAL, "the file is not JSON: it has a NUL byte");
	document = parse(text, size, &error);
	if (!document)
		return wrong(fault, -EINVAL, "the file is not JSON: %s (line %d)", error.text, error.line);
	annotations = json_object_get(document, "annotations");
	if (!json_is_object(document) ||
	    (annotations && !json_is_object(annotations) && !json_is_null(annotations))) {
		json_decref(document);
		return wrong(fault, -EINVAL,
			     annotations ? "the annotations are not a JSON object" :
					   "the file is not a JSON object");
	}
	for (at = json_object_iter((json_t *)annotations); at;
	     at = json_object_iter_next((json_t *)annotations, at)) {
		name = json_object_iter_key(at);
		ret->asked |= strncmp(name, STATE_PREFIX, strlen(STATE_PREFIX)) == 0;
	}
	ret->on_failure = state_find_on_failure(
		json_string_value(json_object_get(annotations, STATE_PREFIX "on-failure")));
	r = ret->asked ? add_hook(text, document, hook, ret, fault) : 0;
	json_decref(document);
	return r;
}

void bundle_free(struct bundle *bundle)
{
	free(bundle->text);
	*bundle = (struct bundle){};
}

/* --- files --- */

int bundle_read(const char *path, char **ret_text, size_t *ret_size, struct stat *ret_st, struct fault *fault)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t size;

	if (fd < 0 || fstat(fd, &st) < 0)
		return wrong(fault, -errno, "the file cannot be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return wrong(fault, -EINVAL, "the path is not a plain file");
	if (st.st_size > BUNDLE_CONFIG_MAX)
		return wrong(fault, -EINVAL, "the file is longer than %u bytes", BUNDLE_CONFIG_MAX);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return wrong(fault, -ENOMEM, "no memory to read the file");
	size = load_bytes(fd, text, (size_t)st.st_size);
	if (size < 0)
		return wrong(fault, (int)size, "the file cannot be read: %s", strerror((int)-size));
	text[size] = '\0';
	*ret_text = TAKE_PTR(text);
	*ret_size = (size_t)size;
	*ret_st = st;
	return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* The owner first: chown clears set-user-ID bits, and the new mode must not apply before the new owner. */
static int fill(int fd, const char *text, size_t size, const struct stat *st)
{
	int r = write_all(fd, text, size);

	if (r < 0)
		return r;
	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int bundle_write(const char *path, const char *text, size_t size, const struct stat *st, struct fault *fault)
{
	_cleanup_free_ char *new = FORMAT_NEW("%s.mseald-XXXXXX", path);
	_cleanup_close_ int fd = new ? mkostemp(new, O_CLOEXEC) : -1;
	int r;

	if (!new)
		return wrong(fault, -ENOMEM, "no memory to write the file");
	if (fd < 0)
		return wrong(fault, -errno,
			     "the hook cannot be added, since no file can be created beside config.json: %s",
			     strerror(errno));
	r = fill(fd, text, size, st);
	if (r >= 0 && rename(new, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(new);
		return wrong(fault, r, "the hook cannot be added: %s", strerror(-r));
	}
	return 0;
}

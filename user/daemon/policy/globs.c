// SPDX-License-Identifier: LGPL-2.1-or-later
/* See globs.h. */
#include "policy/globs.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

/* The length of a simple bracket expression; 0: left to glibc ("[[:digit:]]", "[]a]", "[a/b]", "[a"). */
static size_t bracket_length(const char *text)
{
	size_t begin = text[1] == '!' || text[1] == '^' ? 2 : 1;
	size_t length = begin + strcspn(text + begin, "[]/");

	return length > begin && text[length] == ']' ? length + 1 : 0;
}

/* The bytes that a bracket expression matches, by fnmatch(3). False: too long. */
static bool compile_set(const char *bracket, size_t length, __u64 set[256 / 64])
{
	char pattern[MSEALD_GLOB_ELEMENTS];

	if (length >= sizeof(pattern))
		return false;
	memcpy(pattern, bracket, length);
	pattern[length] = '\0';
	for (unsigned byte = 1; byte < 256; byte++) {
		const char text[] = { (char)byte, '\0' };

		if (fnmatch(pattern, text, FNM_NOESCAPE | FNM_PATHNAME) == 0)
			set[byte / 64] |= 1ull << byte % 64;
	}
	return true;
}

bool glob_compile(const char *pattern, struct mseald_glob *ret)
{
	size_t count = 0, sets = 0;

	memset(ret->element, 0, sizeof(ret->element));
	memset(ret->set, 0, sizeof(ret->set));
	while (*pattern) {
		size_t length = 1;
		__u16 element;

		/* One more element is needed for the end. */
		if (count + 1 >= MSEALD_GLOB_ELEMENTS)
			return false;
		switch (*pattern) {
		case '*': element = MSEALD_GLOB_STAR; break;
		case '?': element = MSEALD_GLOB_ANY; break;
		case '[':
			length = bracket_length(pattern);
			if (!length || sets == MSEALD_GLOB_SETS ||
			    !compile_set(pattern, length, ret->set[sets]))
				return false;
			element = (__u16)(MSEALD_GLOB_SET | sets++);
			break;
		default: element = (unsigned char)*pattern;
		}
		ret->element[count++] = element;
		pattern += length;
	}
	return true;
}

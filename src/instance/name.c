/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_name_char(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

static bool has_name_chars(const char *name)
{
	for (; *name; name++)
		if (!is_name_char(*name))
			return false;
	return true;
}

bool instance_name_is_valid(const char *name)
{
	return *name && strlen(name) <= INSTANCE_NAME_MAX && has_name_chars(name);
}

/* 32-bit FNV-1a. Names of rows contain it, so it must never change. */
static uint32_t hash(const char *text)
{
	uint32_t hash = 0x811c9dc5;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x01000193;
	return hash;
}

enum {
	HASH_TAIL = 9, /* "~" and eight digits */
};

static bool has_hash_tail(const char *name, size_t len)
{
	const char *tail = name + len - HASH_TAIL;

	return len >= HASH_TAIL && *tail == '~' &&
	       strspn(tail + 1, "0123456789abcdef") == HASH_TAIL - 1;
}

void instance_name_fit(char *to, size_t size, const char *text)
{
	size_t len = strlen(text);
	size_t n = len < size - 1 - HASH_TAIL ? len : size - 1 - HASH_TAIL;

	if (len < size && has_name_chars(text) && !has_hash_tail(text, len)) {
		memcpy(to, text, len + 1);
		return;
	}
	for (size_t i = 0; i < n; i++)
		to[i] = (char)(is_name_char(text[i]) ? text[i] : '_');
	snprintf(to + n, size - n, "~%08" PRIx32, hash(text));
}

void instance_name_mask(char *part, char separator)
{
	for (; *part; part++)
		if (*part == separator)
			*part = (char)(separator & 0x1f);
}

int instance_name_check(struct parser *parser, const char *name)
{
	if (!has_name_chars(name))
		return parser_fail(parser,
				   "a name has only printable ASCII characters other "
				   "than \" and \\");
	/* else it could be the name of a row in another namespace */
	if (strchr(name, '/'))
		return parser_fail(parser,
				   "a name has no \"/\", which separates a namespace's "
				   "name from an instance's");
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"

/* Unicode 15, without the noncharacters at the end of each plane. */
static const struct {
	uint32_t first, last;
} forbidden[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, /* C0, DEL, C1 */
    {0x061c, 0x061c}, {0x200e, 0x200f}, /* directional marks */
    {0x2028, 0x202e},                   /* separators; embeddings and overrides */
    {0x2066, 0x2069},                   /* isolates */
    {0xfdd0, 0xfdef},                   /* noncharacters */
    {0xfeff, 0xfeff},                   /* byte order mark */
    {0xfff9, 0xfffb},                   /* interlinear annotations */
};

static bool is_forbidden(uint32_t character)
{
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (character >= forbidden[i].first && character <= forbidden[i].last)
			return true;
	return (character & 0xfffe) == 0xfffe;
}

size_t text_char(const char *text, size_t len)
{
	/* the encodings of 1 to 4 bytes; a character below the least is overlong */
	static const struct {
		unsigned char mask, value; /* of the first byte */
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0},
		     {0xe0, 0xc0, 0x80},
		     {0xf0, 0xe0, 0x800},
		     {0xf8, 0xf0, 0x10000}};
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t character;
	size_t n = 0;

	while (n < ARRAY_SIZE(forms) && n < len &&
	       (bytes[0] & forms[n].mask) != forms[n].value)
		n++;
	if (n == ARRAY_SIZE(forms) || n >= len)
		return 0;
	character = bytes[0] & (unsigned char)~forms[n].mask;
	for (size_t i = 1; i <= n; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < forms[n].least || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff) || is_forbidden(character))
		return 0;
	return n + 1;
}

/* Returns the length of the text before the first byte that may not be shown. */
static size_t clean_length(const char *text)
{
	size_t len = strlen(text);
	size_t at = 0;

	for (size_t n; (n = text_char(text + at, len - at)) > 0;)
		at += n;
	return at;
}

bool text_is_clean(const char *text)
{
	return !text[clean_length(text)];
}

void text_trim(char *text)
{
	text[clean_length(text)] = '\0';
}

static bool is_escape(const char *text)
{
	return text[0] == '\\' && text[1] == 'x' && isxdigit((unsigned char)text[2]) &&
	       isxdigit((unsigned char)text[3]);
}

void text_clean(char *to, size_t size, const char *text)
{
	size_t len = strlen(text);
	size_t used = 0;

	for (size_t at = 0; at < len;) {
		size_t n = is_escape(text + at) ? 0 : text_char(text + at, len - at);

		if (used + (n ? n : TEXT_GROWTH) >= size)
			break;
		if (n)
			memcpy(to + used, text + at, n);
		else
			snprintf(to + used, size - used, "\\x%02x",
				 (unsigned char)text[at]);
		used += n ? n : TEXT_GROWTH;
		at += n ? n : 1;
	}
	to[used] = '\0';
}

#define WORD_MAX 32

/* Levenshtein's distance. Row i of his table has the distances of the first i
 * characters of one word to each beginning of the other. */
size_t text_distance(const char *one, const char *other)
{
	size_t row[WORD_MAX + 1];
	size_t width = strlen(other);

	if (width > WORD_MAX || strlen(one) > WORD_MAX)
		return SIZE_MAX;
	for (size_t k = 0; k <= width; k++)
		row[k] = k;
	for (size_t i = 0; one[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < width; k++) {
			bool differ = tolower((unsigned char)one[i]) !=
				      tolower((unsigned char)other[k]);
			size_t best = diagonal + differ;

			diagonal = row[k + 1];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[k + 1] = best;
		}
	}
	return row[width];
}

int text_compare_index(const char *a, const char *b)
{
	size_t len_a = strlen(a);
	size_t len_b = strlen(b);

	if (len_a != len_b)
		return len_a < len_b ? -1 : 1;
	return memcmp(a, b, len_a);
}

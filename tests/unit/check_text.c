/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/text.h"

#include <stdint.h>
#include <string.h>

#include "runner.h"

CHAPTER(NULL, NULL);

/* A text, and the same after cleaning. */
TEST(clean_text_stays)
{
	static const char *const texts[] = {
	    "",
	    "plain ASCII ~!\"\\",
	    "caf\xc3\xa9",
	    "\xc2\xa0",         /* U+00A0, the first after C1 */
	    "\xdf\xbf",         /* U+07FF */
	    "\xe0\xa0\x80",     /* U+0800 */
	    "\xed\x9f\xbf",     /* U+D7FF, below the surrogates */
	    "\xee\x80\x80",     /* U+E000, above them */
	    "\xe2\x80\x8d",     /* U+200D, a joiner that scripts need */
	    "\xef\xbf\xbd",     /* U+FFFD */
	    "\xf0\x90\x80\x80", /* U+10000 */
	    "\xf4\x8f\xbf\xbd", /* U+10FFFD */
	    "\\x",
	    "\\xg0",
	    "\\x1", /* no escapes */
	};
	char to[64];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		ck_assert_msg(text_is_clean(texts[i]), "%zu", i);
		text_clean(to, sizeof(to), texts[i]);
		ck_assert_str_eq(to, texts[i]);
	}
}

TEST(characters_that_are_not_printed)
{
	static const struct {
		const char *text, *clean;
	} rows[] = {
	    {"a\nb", "a\\x0ab"},
	    {"\t\r\x1b[2J\x7f", "\\x09\\x0d\\x1b[2J\\x7f"},
	    {"caf\xe9", "caf\\xe9"},                      /* Latin-1 */
	    {"\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f"}, /* C1 */
	    {"\x80", "\\x80"}, /* continuation without a start */
	    {"\xc3", "\\xc3"}, /* ends too early */
	    {"\xe2\x82", "\\xe2\\x82"},
	    {"\xf0\x9f\x98", "\\xf0\\x9f\\x98"},
	    {"\xc3(", "\\xc3("},
	    {"\xe2\x82(", "\\xe2\\x82("},
	    {"\xc0\xaf", "\\xc0\\xaf"}, /* overlong */
	    {"\xc1\xbf", "\\xc1\\xbf"},
	    {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},
	    {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},
	    {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogates */
	    {"\xed\xbf\xbf", "\\xed\\xbf\\xbf"},
	    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
	    {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
	    {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
	    {"\xfe\xff", "\\xfe\\xff"},
	    {"\xef\xbb\xbfx", "\\xef\\xbb\\xbfx"}, /* byte order mark */
	    {"\xef\xbf\xbe", "\\xef\\xbf\\xbe"},   /* noncharacters */
	    {"\xef\xb7\x90", "\\xef\\xb7\\x90"},
	    {"\xf0\x9f\xbf\xbf", "\\xf0\\x9f\\xbf\\xbf"},
	    {"\xef\xbf\xb9", "\\xef\\xbf\\xb9"}, /* annotation */
	    {"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
	    {"a\xe2\x80\xae"
	     "b",
	     "a\\xe2\\x80\\xaeb"}, /* right to left */
	    {"\xe2\x81\xa6\xd8\x9c", "\\xe2\\x81\\xa6\\xd8\\x9c"},
	    {"\\xe9", "\\x5cxe9"}, /* not the escape of \xe9 */
	    {"\\x5C", "\\x5cx5C"},
	};
	char to[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		text_clean(to, sizeof(to), rows[i].text);
		ck_assert_str_eq(to, rows[i].clean);
		ck_assert_msg(text_is_clean(to), "%zu", i);
		if (rows[i].text[0] != '\\')
			ck_assert_msg(!text_is_clean(rows[i].text), "%zu", i);
	}
}

/* All texts of two bytes between "x" and "y" stay different. */
TEST(different_texts_stay_different)
{
	static char seen[65536][16];
	size_t n = 0;

	for (unsigned a = 1; a < 256; a += 3) {
		for (unsigned b = 1; b < 256; b += 3) {
			const char text[] = {'x', (char)a, (char)b, 'y', '\0'};

			text_clean(seen[n], sizeof(seen[n]), text);
			ck_assert(text_is_clean(seen[n]));
			n++;
		}
	}
	qsort(seen, n, sizeof(*seen), (int (*)(const void *, const void *))strcmp);
	for (size_t i = 1; i < n; i++)
		ck_assert_str_ne(seen[i - 1], seen[i]);
}

TEST(cut_between_characters)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff";
	static const char *const by_size[] = {
	    "",          "",          "a",         "a",
	    "a\xc3\xa9", "a\xc3\xa9", "a\xc3\xa9", "a\xc3\xa9\xe2\x82\xac"};
	char to[32];

	for (size_t size = 1; size < 8; size++) {
		memset(to, 'X', sizeof(to));
		text_clean(to, size, text);
		ck_assert_str_eq(to, by_size[size]);
		ck_assert_int_eq(to[size], 'X');
	}
	for (size_t size = 11; size < 15; size++) { /* no partial escape */
		text_clean(to, size, text);
		ck_assert_uint_eq(strlen(to), 10);
	}
	text_clean(to, 15, text);
	ck_assert_uint_eq(strlen(to), 14);
}

TEST(trim)
{
	char cut[] = "caf\xc3";
	char whole[] = "caf\xc3\xa9";
	char bad[] = "\xff";

	text_trim(cut);
	ck_assert_str_eq(cut, "caf");
	text_trim(whole);
	ck_assert_str_eq(whole, "caf\xc3\xa9");
	text_trim(bad);
	ck_assert_str_eq(bad, "");
}

/* Bytes beyond the length are not read. */
TEST(length_of_a_character)
{
	ck_assert_uint_eq(text_char("\xe2\x82\xac", 3), 3);
	ck_assert_uint_eq(text_char("\xe2\x82\xac", 2), 0);
	ck_assert_uint_eq(text_char("a", 1), 1);
	ck_assert_uint_eq(text_char("a", 0), 0);
	ck_assert_uint_eq(text_char("", 1), 0);
}

TEST(distance_of_words)
{
	static const struct {
		const char *one, *other;
		size_t distance;
	} rows[] = {
	    {"", "", 0},
	    {"", "abc", 3},
	    {"abc", "ABC", 0},
	    {"pollIntervall", "pollInterval", 1},
	    {"polInterval", "pollInterval", 1},
	    {"pollInterwal", "pollInterval", 1},
	    {"pollIntreval", "pollInterval", 2},
	    {"kitten", "sitting", 3},
	    {"abcdefghijklmnopqrstuvwxyz123456", "", 32},
	    {"abcdefghijklmnopqrstuvwxyz1234567", "", SIZE_MAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ck_assert_uint_eq(text_distance(rows[i].one, rows[i].other),
				  rows[i].distance);
		ck_assert_uint_eq(text_distance(rows[i].other, rows[i].one),
				  rows[i].distance);
	}
}

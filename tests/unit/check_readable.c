/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/readable.h"

#include <string.h>

#include "runner.h"

static char text[READABLE_SIZE];

CHAPTER(NULL, NULL);

TEST(exact_numbers)
{
	ck_assert_str_eq(readable_exact(0, text, sizeof(text)), "0");
	ck_assert_str_eq(readable_exact(999, text, sizeof(text)), "999");
	ck_assert_str_eq(readable_exact(1000, text, sizeof(text)), "1 000");
	ck_assert_str_eq(readable_exact(UINT64_MAX, text, sizeof(text)),
			 "18 446 744 073 709 551 615");
}

TEST(short_numbers)
{
	static const struct {
		uint64_t value;
		const char *want;
	} cases[] = {
	    {0, "0"},
	    {999, "999"},
	    {1000, "1.00k"},
	    {1234, "1.23k"},
	    {9994, "9.99k"},
	    {9996, "10.0k"},
	    {99940, "99.9k"},
	    {99960, "100k"},
	    {999499, "999k"},
	    {999500, "1.00M"},
	    {UINT64_C(1234567890123), "1.23T"},
	    {UINT64_C(1) << 53, "9.01P"},
	    {UINT64_MAX, "18.4E"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_str_eq(readable_short(cases[i].value, text, sizeof(text)),
				 cases[i].want);
}

TEST(short_numbers_are_short)
{
	for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 + 1) {
		readable_short(value, text, sizeof(text));
		ck_assert_msg(strlen(text) <= 5, "%s", text);
		readable_rate((double)value, text, sizeof(text));
		ck_assert_msg(strlen(text) <= 5, "%s", text);
	}
}

TEST(rates)
{
	static const struct {
		double value;
		const char *want;
	} cases[] = {
	    {0, "0"},       {0.001, "0.01"}, {0.05, "0.05"},   {0.5, "0.5"},
	    {2.54, "2.5"},  {9.94, "9.9"},   {9.96, "10"},     {45.6, "46"},
	    {999.4, "999"}, {999.6, "999"},  {12345, "12.3k"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_str_eq(readable_rate(cases[i].value, text, sizeof(text)),
				 cases[i].want);
}

TEST(ages)
{
	static const struct {
		uint64_t seconds;
		const char *want;
	} cases[] = {
	    {0, "0s"},          {59, "59s"},
	    {60, "1m 0s"},      {200, "3m 20s"},
	    {3599, "59m 59s"},  {3600, "1h 0m"},
	    {86399, "23h 59m"}, {86400, "1d 0h"},
	    {273600, "3d 4h"},  {8639999, "99d 23h"},
	    {8640000, "100d"},  {86400ull * 9999, "9999d"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_str_eq(readable_age(cases[i].seconds, text, sizeof(text)),
				 cases[i].want);
}

static const char *column(const char *of, size_t width)
{
	FILE *stream = fmemopen(text, sizeof(text), "w");

	text[0] = '\0';
	readable_column(stream, of, width);
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

TEST(columns_of_characters_not_bytes)
{
	ck_assert_uint_eq(readable_width("B\xc3\xbcro"), 4);
	ck_assert_str_eq(column("B\xc3\xbcro", 6), "B\xc3\xbcro  ");
	ck_assert_str_eq(column("B\xc3\xbcro", 2), "B\xc3\xbc");
	ck_assert_str_eq(column("ab", 0), "");
	ck_assert_uint_eq(readable_width("a\xff"), 2);
}

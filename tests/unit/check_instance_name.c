/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of instances. */
#include "instance/name.h"

#include <string.h>

#include "runner.h"

CHAPTER(NULL, NULL);

/* The hashes are from another implementation. */
TEST(names_that_fit_and_that_do_not)
{
	char name[INSTANCE_NAME_MAX + 2];
	char fitted[INSTANCE_NAME_MAX + 1];
	char small[16 + 2];

	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	instance_name_fit(fitted, sizeof(fitted), name);
	ck_assert_str_eq(fitted, name);
	name[64] = 'a';
	name[65] = '\0';
	instance_name_fit(fitted, sizeof(fitted), name);
	ck_assert_uint_eq(strlen(fitted), 64);
	ck_assert_uint_eq(strspn(fitted, "a"), 55);
	ck_assert_str_eq(fitted + 55, "~2dd603ec");

	instance_name_fit(fitted, sizeof(fitted), "");
	ck_assert_str_eq(fitted, "");
	instance_name_fit(fitted, sizeof(fitted), "tcp:eth1 (a/b)");
	ck_assert_str_eq(fitted, "tcp:eth1 (a/b)");
	instance_name_fit(fitted, sizeof(fitted), "b\xc3\xa9 \n");
	ck_assert_str_eq(fitted, "b__ _~debd275b");

	memset(small, '!', sizeof(small));
	instance_name_fit(small, 16, "123456789012345");
	ck_assert_str_eq(small, "123456789012345");
	instance_name_fit(small, 16, "1234567890123456");
	ck_assert_str_eq(small, "123456~cb17f1f3");
	ck_assert_int_eq(small[16], '!');
}

/* Different parts give different names. */
TEST(names_that_are_made_to_fit_stay_different)
{
	static const char *const names[] = {
	    "a\"b",         "a\\b",         "a_b",          "a\tb",        "a\xe9z",
	    "a_b~deadbeef", "a_b~02d0d7b2", "a_b~deadbeeF", "a_b~deadbee", "~deadbeef",
	};
	char fitted[sizeof(names) / sizeof(*names)][INSTANCE_NAME_MAX + 1];
	char again[INSTANCE_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		instance_name_fit(fitted[i], sizeof(fitted[i]), names[i]);
		ck_assert(instance_name_is_valid(fitted[i]));
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(fitted[i], fitted[k]);
		/* and no name equals what another was changed to */
		instance_name_fit(again, sizeof(again), fitted[i]);
		ck_assert(!strcmp(fitted[i], names[i]) == !strcmp(again, fitted[i]));
	}
	ck_assert_str_eq(fitted[2], "a_b");
	ck_assert_str_eq(fitted[7], "a_b~deadbeeF");
	ck_assert_str_eq(fitted[8], "a_b~deadbee");
}

TEST(valid_names)
{
	char name[INSTANCE_NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	name[INSTANCE_NAME_MAX] = '\0';
	ck_assert(instance_name_is_valid(name));
	name[INSTANCE_NAME_MAX] = 'a';
	name[INSTANCE_NAME_MAX + 1] = '\0';
	ck_assert(!instance_name_is_valid(name));
	ck_assert(!instance_name_is_valid(""));
	for (unsigned c = 1; c < 256; c++) {
		const char one[] = {(char)c, '\0'};

		ck_assert(instance_name_is_valid(one) ==
			  (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'));
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <check.h>
#include <stdlib.h>

/*
 * Tests that register themselves: a program is a set of chapters, one a source file,
 *and runner.c's main() runs all that are linked into it. CK_FORK=no in the environment
 *for a debugger.
 *
 *	CHAPTER(setup, teardown);	once a file, before its tests; either may be
 *NULL
 *
 *	TEST(a_sentence_about_what_holds)
 *	{
 *		...
 *	}
 */

/* file: the chapter, by the name of its source. */
void runner_begin_chapter(const char *file, SFun setup, SFun teardown);
void runner_add_test(const char *file, const TTest *test);

/* A constructor with a lower number runs earlier; those of one number in their order.
 */
#define CHAPTER(setup, teardown)                                              \
	__attribute__((constructor(1001))) static void register_chapter(void) \
	{                                                                     \
		runner_begin_chapter(__FILE__, setup, teardown);              \
	}                                                                     \
	_Static_assert(1, "a semicolon follows")

#define TEST(name)                                                           \
	static void name(int _i);                                            \
	static const TTest name##_ttest = {#name, name, __FILE__, __LINE__}; \
	__attribute__((constructor(1002))) static void name##_register(void) \
	{                                                                    \
		runner_add_test(__FILE__, &name##_ttest);                    \
	}                                                                    \
	static void name(int _i CK_ATTRIBUTE_UNUSED)

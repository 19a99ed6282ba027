/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <check.h>
#include <stdlib.h>

/*
 * Tests that register themselves. A program consists of chapters, one in each source
 * file, and runner.c's main() runs all chapters that are linked into it. With
 *CK_FORK=no in the environment it can run in a debugger.
 *
 *	CHAPTER(setup, teardown);	once in a file, before its tests; both may be
 *NULL
 *
 *	TEST(a_sentence_about_what_holds)
 *	{
 *		...
 *	}
 */

/* A number of repetitions: AddressSanitizer makes some tests fifty times slower. */
#if defined(__SANITIZE_ADDRESS__)
#define REPETITIONS(n) ((n) / 20)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REPETITIONS(n) ((n) / 20)
#endif
#endif
#ifndef REPETITIONS
#define REPETITIONS(n) (n)
#endif

/* file: the source of the chapter. */
void runner_begin_chapter(const char *file, SFun setup, SFun teardown);
void runner_add_test(const char *file, const TTest *test);

/* Constructors run in the order of their numbers. */
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_TESTS_RUNNER_H
#define QMIPSEC_TESTS_RUNNER_H

#include <check.h>
#include <stdlib.h>

/* Runs one suite of one case and gives main's result. A test may take long under
 * valgrind, so the time limit is wide; CK_FORK=no in the environment for a debugger. */
static inline int run_tests(const char *name, const TTest *const *tests, size_t n,
			    SFun setup, SFun teardown)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 600);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* With what runs before and after each test, NULL: nothing. */
#define RUN_TESTS_WITH(name, tests, setup, teardown) \
	run_tests(name, tests, sizeof(tests) / sizeof(*(tests)), setup, teardown)
#define RUN_TESTS(name, tests) RUN_TESTS_WITH(name, tests, NULL, NULL)

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_CHAPTERS = 32,
	/* Seconds, long enough for valgrind. */
	LIMIT = 600,
};

static struct {
	const char *file;
	TCase *tcase;
} chapters[MAX_CHAPTERS];
static size_t n_chapters;

void runner_begin_chapter(const char *file, SFun setup, SFun teardown)
{
	const char *slash = strrchr(file, '/');

	if (n_chapters == MAX_CHAPTERS)
		abort();
	chapters[n_chapters].file = file;
	chapters[n_chapters].tcase = tcase_create(slash ? slash + 1 : file);
	tcase_add_checked_fixture(chapters[n_chapters].tcase, setup, teardown);
	tcase_set_timeout(chapters[n_chapters].tcase, LIMIT);
	n_chapters++;
}

void runner_add_test(const char *file, const TTest *test)
{
	for (size_t i = 0; i < n_chapters; i++) {
		if (!strcmp(chapters[i].file, file)) {
			tcase_add_test(chapters[i].tcase, test);
			return;
		}
	}
	fprintf(stderr, "%s: TEST() before CHAPTER()\n", file);
	abort();
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	Suite *suite = suite_create(argc > 0 && slash ? slash + 1 : argv[0]);
	SRunner *runner = srunner_create(suite);
	int failed;
	int run;

	for (size_t i = 0; i < n_chapters; i++)
		suite_add_tcase(suite, chapters[i].tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	run = srunner_ntests_run(runner);
	srunner_free(runner);
	/* a program without tests is an error */
	return failed || !run ? EXIT_FAILURE : EXIT_SUCCESS;
}

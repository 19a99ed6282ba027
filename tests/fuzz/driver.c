/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main() of a fuzzer without libFuzzer: runs the kept inputs, so that each one is a
 * regression test for every compiler.
 *
 *	fuzz_NAME [FILE | DIRECTORY...]		the default is
 *$top_srcdir/tests/fuzz/corpus/NAME
 */
#include "fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char running[PATH_MAX]; /* what a crash is about */
static unsigned n_inputs;

static _Noreturn void fail(const char *path)
{
	perror(path);
	exit(EXIT_FAILURE);
}

static void name_input(void)
{
	static const char before[] = "the input was ";

	if (write(STDERR_FILENO, before, strlen(before)) < 0 ||
	    write(STDERR_FILENO, running, strlen(running)) < 0)
		return;
}

static void run_file(const char *path)
{
	struct stat status;
	uint8_t *data;
	FILE *file = fopen(path, "r");

	if (!file || fstat(fileno(file), &status))
		fail(path);
	/* exactly its length, so that ASan detects a read beyond its end */
	data = malloc((size_t)status.st_size);
	if ((status.st_size && !data) ||
	    fread(data, 1, (size_t)status.st_size, file) != (size_t)status.st_size)
		fail(path);
	fclose(file);
	snprintf(running, sizeof(running), "%s\n", path);
	LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
	free(data);
	n_inputs++;
}

static int is_visible(const struct dirent *entry)
{
	return *entry->d_name != '.';
}

static void run(const char *path)
{
	struct dirent **entries;
	struct stat status;
	int n;

	if (stat(path, &status))
		fail(path);
	if (!S_ISDIR(status.st_mode)) {
		run_file(path);
		return;
	}
	n = scandir(path, &entries, is_visible, alphasort);
	if (n < 0)
		fail(path);
	for (int i = 0; i < n; i++) {
		char file[PATH_MAX];

		if (snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) >=
		    PATH_MAX)
			abort();
		run(file);
		free(entries[i]);
	}
	free(entries);
}

static void run_corpus(const char *program)
{
	const char *top = getenv("top_srcdir");
	const char *name = strstr(program, "fuzz_");
	char corpus[PATH_MAX];

	for (const char *next = name; next; next = strstr(next + 1, "fuzz_"))
		name = next;
	if (!name || snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s",
			      top ? top : ".", name + strlen("fuzz_")) >= PATH_MAX)
		abort();
	run(corpus);
}

static void on_abort(int signal)
{
	(void)signal;
	name_input();
	_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	if (argc == 1)
		run_corpus(argv[0]);
	printf("%u inputs\n", n_inputs);
	return n_inputs ? EXIT_SUCCESS : EXIT_FAILURE;
}

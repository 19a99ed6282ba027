/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

static char path[] = "/tmp/check_config_file.XXXXXX";
static char seen[1024]; /* "number directive=value" of each line */

static void setup(void)
{
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	seen[0] = '\0';
}

static void teardown(void)
{
	unlink(path);
}

CHAPTER(setup, teardown);

static void note(void *ctx, const struct config_file_line *line)
{
	size_t used = strlen(seen);

	ck_assert_ptr_eq(ctx, seen);
	ck_assert_str_eq(line->file, path);
	snprintf(seen + used, sizeof(seen) - used, "%u %s=%s%s;", line->number,
		 line->directive, line->value, line->has_nul ? "\\0" : "");
}

static void write_file(const void *bytes, size_t len)
{
	FILE *stream = fopen(path, "w");

	ck_assert_uint_eq(fwrite(bytes, 1, len, stream), len);
	ck_assert_int_eq(fclose(stream), 0);
}

static void expect(const char *text, size_t len, const char *lines)
{
	seen[0] = '\0';
	write_file(text, len);
	ck_assert_int_eq(config_file_read(path, note, seen), 0);
	ck_assert_str_eq(seen, lines);
}

TEST(lines_have_a_directive_and_a_value)
{
	static const struct {
		const char *text, *lines;
	} rows[] = {
	    {"", ""},
	    {"a b", "1 a=b;"},
	    {"a b\nc  d e \n", "1 a=b;2 c=d e;"},
	    {"\n\n \t\na b\n", "4 a=b;"},
	    {"# a b\n  # c\nd e", "3 d=e;"},
	    {"a\n b\t\n", "1 a=;2 b=;"},
	    {"a # b", "1 a=;"}, /* a comment in place of the value */
	    {"a b # c", "1 a=b # c;"},
	    {"a#b c", "1 a#b=c;"},
	    {"\ta\tb c\r\n", "1 a=b c;"},
	    {"a \"b  c\" d", "1 a=\"b  c\" d;"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect(rows[i].text, strlen(rows[i].text), rows[i].lines);
}

TEST(a_byte_0_is_reported)
{
	expect("a b\0c\nd e\n", 10, "1 a=b\\0;2 d=e;");
	expect("\0a\n", 3, "1 =\\0;");
	expect("#\0a\n", 4, "1 =\\0;");
}

TEST(a_long_line)
{
	enum { LEN = 100000 };
	char *text = malloc(LEN);

	memset(text, 'x', LEN);
	text[1] = ' ';
	write_file(text, LEN);
	ck_assert_int_eq(config_file_read(path, note, seen), 0);
	ck_assert_uint_eq(strlen(seen), sizeof(seen) - 1);
	free(text);
}

TEST(what_cannot_be_read)
{
	ck_assert_int_eq(config_file_read("/nonexistent/file", note, seen), -ENOENT);
	ck_assert_int_eq(config_file_read("/", note, seen), -EISDIR);
	ck_assert_str_eq(seen, "");
}

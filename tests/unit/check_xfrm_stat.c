/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xfrm_stat.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

/* As Linux 6.1 prints it, "%-24s\t%lu\n". */
static const char text_6_1[] = "XfrmInError             \t0\n"
			       "XfrmInBufferError       \t0\n"
			       "XfrmInHdrError          \t3\n"
			       "XfrmInNoStates          \t4294967301\n"
			       "XfrmInStateProtoError   \t18446744073709551615\n"
			       "XfrmAcquireError        \t12\n";

static int parse(const char *text, struct xfrm_stat *ret)
{
	/* an exact copy, without the terminating 0, so that reading on is seen */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, text, len);
	err = xfrm_stat_parse(copy, len, ret);
	free(copy);
	return err;
}

static void refuse(const char *text, int want)
{
	struct xfrm_stat stat;
	struct xfrm_stat before;

	memset(&stat, 0x5a, sizeof(stat));
	before = stat;
	ck_assert_msg(parse(text, &stat) == want, "\"%s\"", text);
	ck_assert_mem_eq(&stat, &before, sizeof(stat));
}

START_TEST(text_of_linux_6_1)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse(text_6_1, &stat), 0);
	ck_assert_uint_eq(stat.n, 6);
	ck_assert_str_eq(stat.counters[0].name, "XfrmInError");
	ck_assert_str_eq(stat.counters[5].name, "XfrmAcquireError");
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInHdrError"), 3);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInNoStates"), UINT64_C(4294967301));
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInStateProtoError"), UINT64_MAX);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInStateDirError"), 0);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmIn"), 0);
}
END_TEST

START_TEST(newer_names_are_kept)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse("XfrmInIptfsError \t7\nSomethingEntirelyNew 8", &stat),
			 0);
	ck_assert_uint_eq(stat.n, 2);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInIptfsError"), 7);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "SomethingEntirelyNew"), 8);
}
END_TEST

START_TEST(bad_text)
{
	static const char *const bad[] = {
	    "",
	    "\n",
	    "XfrmInError",
	    "XfrmInError\n",
	    "XfrmInError \n",
	    "XfrmInError\t\n",
	    "XfrmInError x\n",
	    "XfrmInError 1x\n",
	    "XfrmInError 1 \n",
	    "XfrmInError 1 2\n",
	    "XfrmInError -1\n",
	    "XfrmInError +1\n",
	    "XfrmInError 0x1\n",
	    "XfrmInError 18446744073709551616\n",
	    "XfrmInError 99999999999999999999999\n",
	    " 5\n",
	    "\t5\n",
	    "5\n",
	    "XfrmInError 1\n\nXfrmInHdrError 2\n",
	    "XfrmInError 1\nXfrmInHdrError\n",
	    "a23456789b123456789c123456789d12 1\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuse(bad[i], -EBADMSG);
}
END_TEST

START_TEST(longest_name)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse("a23456789b123456789c123456789d1 1\n", &stat), 0);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "a23456789b123456789c123456789d1"), 1);
}
END_TEST

START_TEST(as_many_as_fit_and_one_more)
{
	char text[8192] = "";
	struct xfrm_stat stat;
	size_t len = 0;

	for (int i = 0; i < XFRM_STAT_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "Name%d\t%d\n",
					i, i);
	ck_assert_int_eq(parse(text, &stat), 0);
	ck_assert_uint_eq(stat.n, XFRM_STAT_MAX);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "Name63"), 63);
	snprintf(text + len, sizeof(text) - len, "Name64\t64\n");
	refuse(text, -E2BIG);
}
END_TEST

START_TEST(cut_at_every_length)
{
	struct xfrm_stat stat;
	char text[sizeof(text_6_1)];

	for (size_t len = 0; len < sizeof(text_6_1); len++) {
		int err;

		memcpy(text, text_6_1, len);
		text[len] = '\0';
		err = parse(text, &stat);
		ck_assert(err == 0 || err == -EBADMSG);
	}
}
END_TEST

START_TEST(zero_bytes_are_bad_or_harmless)
{
	const char text[] = "Xfrm\0InError 1\n";
	struct xfrm_stat stat;
	int err = xfrm_stat_parse(text, sizeof(text) - 1, &stat);

	ck_assert(err == -EBADMSG || stat.n == 1);
}
END_TEST

static int file_with(const char *text)
{
	FILE *file = tmpfile();
	int fd;

	ck_assert_ptr_nonnull(file);
	fd = dup(fileno(file));
	fclose(file);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* The descriptor stays open between polls: each read begins at the file's beginning. */
START_TEST(read_twice)
{
	int fd = file_with(text_6_1);
	struct xfrm_stat stat;

	ck_assert_int_eq(xfrm_stat_read(fd, &stat), 0);
	ck_assert_uint_eq(stat.n, 6);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "XfrmInError 5\n", 14, 0), 14);
	ck_assert_int_eq(xfrm_stat_read(fd, &stat), 0);
	ck_assert_uint_eq(stat.n, 1);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInError"), 5);
	close(fd);
}
END_TEST

START_TEST(read_errors)
{
	struct xfrm_stat stat;
	struct xfrm_stat before;
	char big[8192];
	int fd;

	memset(&stat, 0x5a, sizeof(stat));
	before = stat;
	ck_assert_int_eq(xfrm_stat_read(-1, &stat), -EBADF);
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	fd = file_with(big);
	ck_assert_int_eq(xfrm_stat_read(fd, &stat), -E2BIG);
	close(fd);
	fd = file_with("");
	ck_assert_int_eq(xfrm_stat_read(fd, &stat), -EBADMSG);
	close(fd);
	ck_assert_mem_eq(&stat, &before, sizeof(stat));
}
END_TEST

/* The widest file that a kernel could print must fit into one read's room. */
START_TEST(read_the_widest_file)
{
	char text[8192];
	struct xfrm_stat stat;
	size_t len = 0;
	int fd;

	for (int i = 0; i < XFRM_STAT_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"a23456789b123456789c123456789%02d\t"
					"18446744073709551615\n",
					i);
	fd = file_with(text);
	ck_assert_int_eq(xfrm_stat_read(fd, &stat), 0);
	ck_assert_uint_eq(stat.n, XFRM_STAT_MAX);
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    text_of_linux_6_1,
	    newer_names_are_kept,
	    bad_text,
	    longest_name,
	    as_many_as_fit_and_one_more,
	    cut_at_every_length,
	    zero_bytes_are_bad_or_harmless,
	    read_twice,
	    read_errors,
	    read_the_widest_file,
	};

	return RUN_TESTS("xfrm_stat", tests);
}

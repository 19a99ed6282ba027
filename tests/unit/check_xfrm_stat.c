/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/xfrm_stat.h"

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
	/* an exact copy without the terminating 0, to detect a read beyond it */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, text, len);
	err = xfrm_stat_parse(copy, len, ret);
	free(copy);
	return err;
}

static void reject(const char *text, int want)
{
	struct xfrm_stat stat;
	struct xfrm_stat before;

	memset(&stat, 0x5a, sizeof(stat));
	before = stat;
	ck_assert_msg(parse(text, &stat) == want, "\"%s\"", text);
	ck_assert_mem_eq(&stat, &before, sizeof(stat));
}

CHAPTER(NULL, NULL);

TEST(text_of_linux_6_1)
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

TEST(newer_names_are_kept)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse("XfrmInIptfsError \t7\nSomethingEntirelyNew 8\n", &stat),
			 0);
	ck_assert_uint_eq(stat.n, 2);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInIptfsError"), 7);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "SomethingEntirelyNew"), 8);
}

static const char *const odd_lines[] = {
    "",
    "XfrmInError",
    "XfrmInError ",
    "XfrmInError\t",
    "XfrmInError x",
    "XfrmInError 1x",
    "XfrmInError 1 ",
    "XfrmInError 1 2",
    "XfrmInError -1",
    "XfrmInError +1",
    "XfrmInError 0x1",
    "XfrmInError 18446744073709551616",
    "XfrmInError 99999999999999999999999",
    "XfrmInError\v1",
    "Xfrm\x01InError 1",
    "Xfrm\xc3\xa9 1",
    " 5",
    "\t5",
    "5",
    "a23456789b123456789c123456789d12 1",
};

/* A file without any valid line is rejected. */
TEST(odd_lines_alone)
{
	char text[128];

	reject("", -EBADMSG);
	for (size_t i = 0; i < sizeof(odd_lines) / sizeof(*odd_lines); i++) {
		snprintf(text, sizeof(text), "%s\n", odd_lines[i]);
		reject(text, -EBADMSG);
	}
}

/* Among valid lines, malformed ones are skipped. */
TEST(odd_lines_among_others)
{
	for (size_t i = 0; i < sizeof(odd_lines) / sizeof(*odd_lines); i++) {
		struct xfrm_stat stat;
		char text[128];

		snprintf(text, sizeof(text), "XfrmInNoStates 7\n%s\nXfrmInHdrError 2\n",
			 odd_lines[i]);
		ck_assert_msg(parse(text, &stat) == 0, "%s", text);
		ck_assert_uint_eq(stat.n, 2);
		ck_assert_uint_eq(stat.n_skipped, 1);
		ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInNoStates"), 7);
		ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInHdrError"), 2);
	}
}

/* Its number may have been cut. */
TEST(a_last_line_that_is_cut)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse("XfrmInError 1\nXfrmInNoStates 12", &stat), 0);
	ck_assert_uint_eq(stat.n, 1);
	ck_assert_uint_eq(stat.n_skipped, 1);
	ck_assert_ptr_null(xfrm_stat_find(&stat, "XfrmInNoStates"));
	reject("XfrmInError 1", -EBADMSG);
}

TEST(a_name_that_comes_twice)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse("XfrmInError 1\nXfrmInError 2\n", &stat), 0);
	ck_assert_uint_eq(stat.n, 1);
	ck_assert_uint_eq(stat.n_skipped, 1);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInError"), 1);
}

TEST(longest_name)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse("a23456789b123456789c123456789d1 1\n", &stat), 0);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "a23456789b123456789c123456789d1"), 1);
}

TEST(as_many_as_fit_and_more)
{
	char text[8192] = "";
	struct xfrm_stat stat;
	size_t len = 0;

	for (int i = 0; i < XFRM_STAT_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "Name%d\t%d\n",
					i, i);
	ck_assert_int_eq(parse(text, &stat), 0);
	ck_assert_uint_eq(stat.n, XFRM_STAT_MAX);
	ck_assert_uint_eq(stat.n_skipped, 0);
	snprintf(text + len, sizeof(text) - len, "One\t1\nMore\t2\n");
	ck_assert_int_eq(parse(text, &stat), 0);
	ck_assert_uint_eq(stat.n, XFRM_STAT_MAX);
	ck_assert_uint_eq(stat.n_skipped, 2);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "Name0"), 0);
	snprintf(text, sizeof(text), "Name%d", XFRM_STAT_MAX - 1);
	ck_assert_uint_eq(xfrm_stat_get(&stat, text), XFRM_STAT_MAX - 1);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "One"), 0);
}

TEST(cut_at_every_length)
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

TEST(zero_bytes_are_bad_or_harmless)
{
	const char text[] = "Xfrm\0InError 1\n";
	struct xfrm_stat stat;
	int err = xfrm_stat_parse(text, sizeof(text) - 1, &stat);

	ck_assert(err == -EBADMSG || stat.n == 1);
}

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

/* The descriptor stays open between polls: each read begins at the start of the
 * file. */
TEST(read_twice)
{
	int fd = file_with(text_6_1);
	struct xfrm_stat_last last = {.len = 0};
	struct xfrm_stat stat;

	ck_assert_int_eq(xfrm_stat_read(fd, &last, &stat), 0);
	ck_assert_uint_eq(stat.n, 6);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "XfrmInError 5\n", 14, 0), 14);
	ck_assert_int_eq(xfrm_stat_read(fd, &last, &stat), 0);
	ck_assert_uint_eq(stat.n, 1);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInError"), 5);
	close(fd);
}

/* The file of a number, read with what the last reads have left. */
static void read_number(struct xfrm_stat_last *last, const char *text, uint64_t want)
{
	int fd = file_with(text);
	struct xfrm_stat stat;

	memset(&stat, 0x5a, sizeof(stat));
	ck_assert_int_eq(xfrm_stat_read(fd, last, &stat), 0);
	ck_assert_uint_eq(stat.n, 1);
	ck_assert_uint_eq(stat.n_skipped, 1);
	ck_assert_uint_eq(xfrm_stat_get(&stat, "XfrmInError"), want);
	close(fd);
}

/* Also after an error, and with more text than is kept. */
TEST(read_what_has_not_changed)
{
	char text[XFRM_STAT_TEXT_MAX + 100] = "XfrmInError 5\n";
	struct xfrm_stat_last last = {.len = 0};
	struct xfrm_stat stat;
	int empty = file_with("");

	for (size_t len = strlen(text); len < sizeof(text) - 1; len += 60) {
		memset(text + strlen(text), 'x', len - strlen(text) + 1);
		text[len] = 'x';
		for (char digit = '1'; digit < '4'; digit++) {
			text[12] = digit;
			read_number(&last, text, (uint64_t)(digit - '0'));
			read_number(&last, text, (uint64_t)(digit - '0'));
			ck_assert_int_eq(xfrm_stat_read(empty, &last, &stat), -EBADMSG);
			read_number(&last, text, (uint64_t)(digit - '0'));
			read_number(&last, text, (uint64_t)(digit - '0'));
		}
	}
	close(empty);
}

TEST(read_errors)
{
	struct xfrm_stat_last last = {.len = 0};
	struct xfrm_stat stat;
	struct xfrm_stat before;
	int fd;

	memset(&stat, 0x5a, sizeof(stat));
	before = stat;
	ck_assert_int_eq(xfrm_stat_read(-1, &last, &stat), -EBADF);
	fd = file_with("");
	ck_assert_int_eq(xfrm_stat_read(fd, &last, &stat), -EBADMSG);
	close(fd);
	ck_assert_mem_eq(&stat, &before, sizeof(stat));
}

/* The longest file that a kernel could print fits into one read. Of a longer one,
 * the part that fits is used. */
TEST(read_the_widest_file)
{
	static char text[65536];
	struct xfrm_stat_last last = {.len = 0};
	struct xfrm_stat stat;
	size_t len = 0;
	int fd;

	for (int i = 0; i < XFRM_STAT_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"a23456789b123456789c12345678%03d\t"
					"18446744073709551615\n",
					i);
	fd = file_with(text);
	ck_assert_int_eq(xfrm_stat_read(fd, &last, &stat), 0);
	ck_assert_uint_eq(stat.n, XFRM_STAT_MAX);
	ck_assert_uint_eq(stat.n_skipped, 0);
	close(fd);
	memset(text + len, 'x', sizeof(text) - len - 1);
	fd = file_with(text);
	ck_assert_int_eq(xfrm_stat_read(fd, &last, &stat), 0);
	ck_assert_uint_eq(stat.n, XFRM_STAT_MAX);
	ck_assert_uint_eq(stat.n_skipped, 1);
	close(fd);
}

/* Totals. */

static struct xfrm_totals totals;

static bool follow(const char *text)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(parse(text, &stat), 0);
	return xfrm_totals_follow(&totals, &stat);
}

static uint64_t total(const char *name)
{
	return xfrm_stat_get(&totals.totals, name);
}

TEST(totals_are_the_kernels_at_first)
{
	totals = (struct xfrm_totals){.last = {0}};
	ck_assert(!follow("A 5\nB 6\n"));
	ck_assert_uint_eq(total("A"), 5);
	ck_assert(!follow("A 7\nB 6\n"));
	ck_assert_uint_eq(total("A"), 7);
	ck_assert_uint_eq(total("B"), 6);
}

TEST(names_that_appear_disappear_and_are_exchanged)
{
	totals = (struct xfrm_totals){.last = {0}};
	follow("A 5\nB 6\n");
	follow("B 9\nC 1\n");
	ck_assert_uint_eq(total("A"), 5);
	ck_assert_uint_eq(total("B"), 9);
	ck_assert_uint_eq(total("C"), 1);
	ck_assert(!follow("C 2\nA 8\nB 10\n"));
	ck_assert_uint_eq(total("A"), 8);
	ck_assert_uint_eq(total("B"), 10);
	ck_assert_uint_eq(total("C"), 2);
	ck_assert_uint_eq(totals.totals.n, 3);
}

/* As SNMP orders them: a shorter name first. */
TEST(totals_are_in_the_order_of_their_index)
{
	static const char *const want[] = {"A", "C", "AB", "BA"};

	totals = (struct xfrm_totals){.last = {0}};
	follow("BA 1\nC 2\n");
	follow("BA 3\nC 5\nAB 7\nA 9\n");
	follow("A 10\nAB 8\nBA 4\nC 6\n");
	ck_assert_uint_eq(totals.totals.n, 4);
	for (size_t i = 0; i < totals.totals.n; i++)
		ck_assert_str_eq(totals.totals.counters[i].name, want[i]);
	ck_assert_uint_eq(total("A"), 10);
	ck_assert_uint_eq(total("C"), 6);
	ck_assert_uint_eq(total("AB"), 8);
	ck_assert_uint_eq(total("BA"), 4);
}

TEST(wraps_and_resets)
{
	static const struct {
		const char *before, *after;
		uint64_t want; /* of the increase */
		bool reset;
	} cases[] = {
	    {"A 4294967295\n", "A 0\n", 1, false},
	    {"A 4294967290\n", "A 4\n", 10, false},
	    {"A 4294967295\n", "A 2147483647\n", UINT64_C(0x80000000), false},
	    {"A 2147483648\n", "A 0\n", UINT64_C(0x80000000), false},
	    /* by half or less, or from above 32 bits: not a wrap */
	    {"A 4294967295\n", "A 2147483648\n", 2147483648, true},
	    {"A 1000\n", "A 3\n", 3, true},
	    {"A 4294967296\n", "A 3\n", 3, true},
	    {"A 18446744073709551615\n", "A 0\n", 0, true},
	    /* above 32 bits it cannot wrap */
	    {"A 4294967295\n", "A 4294967296\n", 1, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t before;

		totals = (struct xfrm_totals){.last = {0}};
		follow(cases[i].before);
		before = total("A");
		ck_assert_msg(follow(cases[i].after) == cases[i].reset, "%zu", i);
		ck_assert_uint_eq(total("A") - before, cases[i].want);
	}
}

TEST(many_wraps)
{
	uint64_t true_value = 0;

	totals = (struct xfrm_totals){.last = {0}};
	for (int i = 0; i < 100; i++) {
		char text[64];

		snprintf(text, sizeof(text), "A %u\n", (unsigned)true_value);
		ck_assert(!follow(text));
		ck_assert_uint_eq(total("A"), true_value);
		true_value += UINT64_C(2000000000);
	}
}

TEST(more_names_over_time_than_fit)
{
	char text[64];

	totals = (struct xfrm_totals){.last = {0}};
	for (int i = 0; i < XFRM_STAT_MAX + 10; i++) {
		snprintf(text, sizeof(text), "Name%d 1\n", i);
		follow(text);
	}
	ck_assert_uint_eq(totals.totals.n, XFRM_STAT_MAX);
	follow("Name7 3\n");
	ck_assert_uint_eq(total("Name7"), 3);
}

TEST(saved_names)
{
	struct xfrm_counter counter = {.name = "XfrmInError"};

	ck_assert(xfrm_counter_is_valid(&counter));
	counter.name[20] = 'x'; /* after the end */
	ck_assert(!xfrm_counter_is_valid(&counter));
	counter = (struct xfrm_counter){.name = ""};
	ck_assert(!xfrm_counter_is_valid(&counter));
	counter = (struct xfrm_counter){.name = "Xfrm In"};
	ck_assert(!xfrm_counter_is_valid(&counter));
	memset(counter.name, 'x', sizeof(counter.name));
	ck_assert(!xfrm_counter_is_valid(&counter));
	counter.name[XFRM_STAT_NAME_MAX - 1] = '\0';
	ck_assert(xfrm_counter_is_valid(&counter));
}

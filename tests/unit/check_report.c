/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "snapshots.h"

static struct snapshot snapshot;
static char *text;
static size_t text_len;

static void setup(void)
{
	snapshot = (struct snapshot){0};
	text = NULL;
}

static void teardown(void)
{
	snapshot_free(&snapshot);
	free(text);
}

static void table(unsigned width)
{
	FILE *stream;

	free(text);
	stream = open_memstream(&text, &text_len);
	report_table(stream, &snapshot, width);
	ck_assert_int_eq(fclose(stream), 0);
}

static void json(const char *version, const char *kernel)
{
	/* the snapshot was made 5 s after the boot at 2026-11-26 21:00:00 UTC */
	const struct report_origin origin = {.version = version,
					     .kernel = kernel,
					     .epoch = INT64_C(-1795726800000000000)};
	FILE *stream;

	free(text);
	stream = open_memstream(&text, &text_len);
	report_json(stream, REPORT_INSTANCES, &snapshot, NULL, &origin);
	ck_assert_int_eq(fclose(stream), 0);
}

static void add(const struct snapshot_row *row)
{
	put_row(&snapshot, row);
}

static void add_named(const char *name)
{
	struct snapshot_row row = {.active = true};

	snprintf(row.name, sizeof(row.name), "%s", name);
	add(&row);
}

/* One row with small and large numbers, and one with zeros. */
static void add_two_rows(void)
{
	struct snapshot_row full = {.active = true,
				    .name = "tcp:eth1",
				    .descr = "the \"fast\" one",
				    .transport = "tcp",
				    .initiator_name = "iqn",
				    .if_index = 2,
				    .sessions = 1,
				    .error_scope = ERROR_SCOPE_INSTANCE,
				    .replay_failures = 1234,
				    .packets_sent = 12,
				    .packets_received = 34,
				    .discontinuity = 61250999999};
	const struct snapshot_row bare = {.name = "unattributed",
					  .netns = "blue",
					  .error_scope = ERROR_SCOPE_NAMESPACE};
	uint64_t *columns = (uint64_t *)&full.stats;

	for (uint64_t i = 0; i < STAT_COUNT; i++)
		columns[i] = i * i * i * i * i * i * 7;
	full.stats.tunnel_bytes_received = UINT64_MAX;
	add(&full);
	add(&bare);
}

static void add_xfrm(const char *netns, const char *lines)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(xfrm_stat_parse(lines, strlen(lines), &stat), 0);
	ck_assert_int_eq(snapshot_add_xfrm(&snapshot, netns, &stat), 0);
}

static const char golden_table[] =
    "                                                tcp:eth1      unattrib"
    "uted\n"
    "ActiveSA                                               0              "
    "   0  SAs\n"
    "PendingKeyOperations                                   7              "
    "   0  negotiations\n"
    "KeyAdditions                                         448              "
    "   0  SAs\n"
    "KeyDeletions                                       5 103              "
    "   0  SAs\n"
    "ReKeys                                            28 672              "
    "   0  rekeys\n"
    "ActiveTunnels                                    109 375              "
    "   0  tunnels\n"
    "BadSPIPackets                                    326 592              "
    "   0  packets\n"
    "PacketsNotDecrypted                              823 543              "
    "   0  packets\n"
    "PacketsNotAuthenticated                        1 835 008              "
    "   0  packets\n"
    "PacketsWithReplayDetection                     3 720 087              "
    "   0  packets\n"
    "ConfidentialBytesSent                          7 000 000              "
    "   0  bytes\n"
    "ConfidentialBytesReceived                     12 400 927              "
    "   0  bytes\n"
    "AuthenticatedBytesSent                        20 901 888              "
    "   0  bytes\n"
    "AuthenticatedBytesReceived                    33 787 663              "
    "   0  bytes\n"
    "TransportBytesSent                            52 706 752              "
    "   0  bytes\n"
    "TransportBytesReceived                        79 734 375              "
    "   0  bytes\n"
    "TunnelBytesSent                              117 440 512              "
    "   0  bytes\n"
    "TunnelBytesReceived           18 446 744 073 709 551 615              "
    "   0  bytes\n"
    "ReplayFailures                                     1 234              "
    "   0  packets\n"
    "Active                                               yes              "
    "  no\n";

CHAPTER(setup, teardown);

TEST(golden_table_of_two_rows)
{
	add_two_rows();
	table(100);
	ck_assert_str_eq(text, golden_table);
}

static size_t longest_line(void)
{
	size_t longest = 0;

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		longest = len > longest ? len : longest;
		line += len + (line[len] == '\n');
	}
	return longest;
}

/* Blocks of columns, each beginning with a line of names. */
static size_t blocks(void)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, "ActiveSA ")); at++)
		n++;
	return n;
}

TEST(width_folds)
{
	/* the longest field, the longest unit, two spaces before each column */
	const unsigned frame = 28 + 14;
	const unsigned column = 16 + 2;
	char name[32];

	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "instance-%d", i);
		add_named(name);
	}
	for (unsigned n = 1; n <= 9; n++) {
		table(frame + n * column);
		ck_assert_uint_eq(blocks(), (9 + n - 1) / n);
		ck_assert_uint_le(longest_line(), frame + n * column);
		table(frame + n * column + column - 1);
		ck_assert_uint_eq(blocks(), (9 + n - 1) / n);
	}
	table(80);
	ck_assert_uint_le(longest_line(), 80);
	for (int i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "instance-%d", i);
		ck_assert_ptr_nonnull(strstr(text, name));
	}
}

/* If the output is too narrow, each row is in a block of its own. */
TEST(too_narrow)
{
	add_named("a");
	add_named("b");
	add_named("c");
	for (unsigned width = 0; width < 60; width++) {
		table(width);
		ck_assert_msg(blocks() == 3, "width %u: %zu blocks", width, blocks());
	}
}

TEST(no_rows)
{
	table(80);
	ck_assert_str_eq(text, "");
}

/* All lines of a column end at the same position, whichever is the widest. */
static void check_alignment(void)
{
	size_t end = strcspn(text, "\n");
	size_t lines = 0;

	for (const char *line = text; *line; lines++) {
		const char *newline = strchr(line, '\n');
		const char *unit = strstr(line, "  SAs\n");

		if (unit && unit < newline)
			ck_assert_uint_eq((size_t)(unit - line), end);
		unit = strstr(line, "  packets\n");
		if (unit && unit < newline)
			ck_assert_uint_eq((size_t)(unit - line), end);
		line = newline + 1;
	}
	ck_assert_uint_eq(lines, 1 + STAT_COUNT + 2);
}

TEST(a_wide_name)
{
	char name[65];

	memset(name, 'n', 64);
	name[64] = '\0';
	add_named(name);
	table(80);
	check_alignment();
	ck_assert_ptr_nonnull(strstr(text, name));
}

TEST(a_wide_number_anywhere)
{
	for (size_t i = 0; i <= STAT_COUNT; i++) {
		struct snapshot_row row = {.name = "a"};

		teardown();
		setup();
		if (i < STAT_COUNT)
			((uint64_t *)&row.stats)[i] = UINT64_MAX;
		else
			row.replay_failures = UINT64_MAX;
		add(&row);
		table(120);
		ck_assert_ptr_nonnull(strstr(text, " 18 446 744 073 709 551 615 "));
		check_alignment();
	}
}

TEST(thousands_are_separated)
{
	static const struct {
		uint64_t value;
		const char *want;
	} cases[] = {
	    {0, " 0  SAs"},
	    {9, " 9  SAs"},
	    {999, " 999  SAs"},
	    {1000, "  1 000  SAs"},
	    {12345, "  12 345  SAs"},
	    {123456, "  123 456  SAs"},
	    {1234567, "  1 234 567  SAs"},
	    {UINT64_MAX, "  18 446 744 073 709 551 615  SAs"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct snapshot_row row = {.name = "a"};

		teardown();
		setup();
		row.stats.active_sa = cases[i].value;
		add(&row);
		table(80);
		ck_assert_ptr_nonnull(strstr(text, cases[i].want));
	}
}

static const char golden_json[] =
    "{\"report\":\"instances\",\"version\":\"1.0\",\"kernel\":\"6.1\",\"time\":"
    "\"2026-11-26T21:00:05.000Z\",\"restored\":false,\"poll_duration_ns\":0,"
    "\"tracked_sas\":0,\"xfrm_stat_available\":true,\n"
    "\"instances\":[\n"
    "{\"name\":\"tcp:eth1\",\"active\":true,\"descr\":\"the \\\"fast\\\" on"
    "e\",\"transport\":\"tcp\",\"netns\":\"\",\"initiator_name\":\"iqn\",\""
    "if_index\":2,\"sessions\":1,\"error_scope\":\"instance\",\"discontinu"
    "ity\":\"2026-11-26T21:01:01.250Z\",\"replay_failures\":1234,"
    "\"packets_sent\":12,\"packets_received\":34,\"stats\":{"
    "\"ActiveSA\":0,\"PendingKeyOperations\":7,\"Key"
    "Additions\":448,\"KeyDeletions\":5103,\"ReKeys\":28672,\"ActiveTunnels"
    "\":109375,\"BadSPIPackets\":326592,\"PacketsNotDecrypted\":823543,\"Pa"
    "cketsNotAuthenticated\":1835008,\"PacketsWithReplayDetection\":3720087"
    ",\"ConfidentialBytesSent\":7000000,\"ConfidentialBytesReceived\":12400"
    "927,\"AuthenticatedBytesSent\":20901888,\"AuthenticatedBytesReceived\""
    ":33787663,\"TransportBytesSent\":52706752,\"TransportBytesReceived\":7"
    "9734375,\"TunnelBytesSent\":117440512,\"TunnelBytesReceived\":18446744"
    "073709551615}},\n"
    "{\"name\":\"unattributed\",\"active\":false,\"descr\":\"\",\"transport"
    "\":\"\",\"netns\":\"blue\",\"initiator_name\":\"\",\"if_index\":0,\"se"
    "ssions\":0,\"error_scope\":\"namespace\",\"discontinuity\":\"2026-11-26T2"
    "1:00:00.000Z\",\"replay_failures\":0,\"packets_sent\":0,"
    "\"packets_received\":0,\"stats\":{\"ActiveSA\":0,\"PendingKeyOperations\":0,"
    "\"KeyAdditions\":0,\"Key"
    "Deletions\":0,\"ReKeys\":0,\"ActiveTunnels\":0,\"BadSPIPackets\":0,\"P"
    "acketsNotDecrypted\":0,\"PacketsNotAuthenticated\":0,\"PacketsWithRepl"
    "ayDetection\":0,\"ConfidentialBytesSent\":0,\"ConfidentialBytesReceive"
    "d\":0,\"AuthenticatedBytesSent\":0,\"AuthenticatedBytesReceived\":0,\""
    "TransportBytesSent\":0,\"TransportBytesReceived\":0,\"TunnelBytesSent"
    "\":0,\"TunnelBytesReceived\":0}}],\n"
    "\"xfrm\":[\n"
    "{\"netns\":\"\",\"counters\":{\"XfrmInError\":1,\"XfrmInHdrError\":2}}"
    ",\n"
    "{\"netns\":\"blue\",\"counters\":{\"XfrmInError\":1,\"XfrmInHdrError\""
    ":2}}]}\n";

TEST(golden_json_of_two_rows)
{
	add_two_rows();
	add_xfrm("", "XfrmInError 1\nXfrmInHdrError 2\n");
	add_xfrm("blue", "XfrmInError 1\nXfrmInHdrError 2\n");
	snapshot.health.last_poll = UINT64_C(5000000000);
	json("1.0", "6.1");
	ck_assert_str_eq(text, golden_json);
}

TEST(json_of_nothing)
{
	json("", "");
	ck_assert_str_eq(text,
			 "{\"report\":\"instances\",\"version\":\"\",\"kernel\":\"\","
			 "\"time\":\"2026-11-26T21:00:00.000Z\",\"restored\":false,"
			 "\"poll_duration_ns\":0,"
			 "\"tracked_sas\":0,\"xfrm_stat_available\":true,\n"
			 "\"instances\":[],\n\"xfrm\":[]}\n");
}

TEST(json_health)
{
	snapshot.health.last_poll_duration = UINT64_MAX;
	snapshot.health.tracked_sas = UINT32_MAX;
	snapshot.health.xfrm_stat_missing = true;
	json("v", "k");
	ck_assert_ptr_nonnull(strstr(text, "\"poll_duration_ns\":18446744073709551615,"
					   "\"tracked_sas\":4294967295,"
					   "\"xfrm_stat_available\":false,"));
}

/* RFC 8259, sections 7 and 8.1. */
TEST(json_escapes)
{
	json("a\"b\\c/d", "\x01\n\t\x1f \x7f\xc3\xa4\xe2\x82\xac\xff\xc3");
	ck_assert_ptr_nonnull(strstr(text, "\"version\":\"a\\\"b\\\\c/d\""));
	ck_assert_ptr_nonnull(strstr(text,
				     "\"kernel\":\"\\u0001\\u000a\\u0009\\u001f \\u007f"
				     "\xc3\xa4\xe2\x82\xac\\u00ff\\u00c3\""));
}

TEST(json_of_hostile_counter_names)
{
	add_xfrm("\"", "\"},{\"x 1\n");
	json("", "");
	ck_assert_ptr_nonnull(
	    strstr(text, "{\"netns\":\"\\\"\",\"counters\":{\"\\\"},{\\\"x\":1}}"));
}

/* The rows that are left, or the reason for an error. */
static const char *select_rows(const char *const *names, size_t n)
{
	static char said[300];

	if (report_check_names(&snapshot, names, n, said, sizeof(said)) < 0)
		return said;
	report_keep_names(&snapshot, names, n);
	said[0] = '\0';
	for (size_t i = 0; i < snapshot.n_rows; i++)
		strcat(strcat(said, snapshot.rows[i].name), ";");
	return said;
}

TEST(only_the_rows_of_some_instances)
{
	add_named("a");
	add_named("b");
	add_named("cc");
	ck_assert_str_eq(select_rows(NULL, 0), "a;b;cc;");
	ck_assert_str_eq(select_rows((const char *[]){"cc", "x\n"}, 2),
			 "there is no instance \"x\\x0a\"; there are: a, b, cc");
	ck_assert_str_eq(select_rows((const char *[]){"cc", "a", "cc"}, 3), "a;cc;");
	ck_assert_str_eq(select_rows((const char *[]){"a"}, 1), "a;");
}

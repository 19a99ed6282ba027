/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables and the JSON of peers and SAs. */
#include "report/report.h"

#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/readable.h"
#include "runner.h"
#include "snapshots.h"

#define SECOND UINT64_C(1000000000)

static struct snapshot snapshot;
static struct listed_sa sas[4];
static struct sa_list list;
static char *text;
static size_t text_len;

static const struct report_origin origin = {.version = "1.0",
					    .kernel = "6.1",
					    .epoch = INT64_C(-1795726800000000000),
					    .restored = true};

static void setup(void)
{
	snapshot = (struct snapshot){.health.last_poll = 1000000 * SECOND};
	list = (struct sa_list){.sas = sas};
	text = NULL;
}

static void teardown(void)
{
	snapshot_free(&snapshot);
	free(text);
}

CHAPTER(setup, teardown);

static void add_row(const char *name)
{
	struct snapshot_row row = {.active = true};

	snprintf(row.name, sizeof(row.name), "%s", name);
	put_row(&snapshot, &row);
}

static struct snapshot_peer *add_peer(const char *name, const char *label)
{
	const struct snapshot_row *row = &snapshot.rows[snapshot.n_rows - 1];
	struct snapshot_peer *peer =
	    snapshot_add_peer(&snapshot, &snapshot.rows[snapshot.n_rows - 1]);

	ck_assert_ptr_nonnull(peer);
	*peer = (struct snapshot_peer){.active = true,
				       .last_change = (1000000 - 273600) * SECOND,
				       .discontinuity = 61250999999,
				       .bytes_sent = 1234567890,
				       .bytes_received = UINT64_MAX,
				       .totals = {.stats.active_sa = 2,
						  .stats.active_tunnels = 1,
						  .packets_sent = 12345,
						  .packets_received = 999}};
	memcpy(peer->instance, row->name, sizeof(peer->instance));
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	snprintf(peer->label, sizeof(peer->label), "%s", label);
	return peer;
}

static void write_peers(void)
{
	FILE *stream;

	free(text);
	stream = open_memstream(&text, &text_len);
	report_peers(stream, &snapshot);
	ck_assert_int_eq(fclose(stream), 0);
}

static void write_json(enum report_view view)
{
	FILE *stream;

	free(text);
	stream = open_memstream(&text, &text_len);
	report_json(stream, view, &snapshot, &list, &origin);
	ck_assert_int_eq(fclose(stream), 0);
}

static void write_sas(void)
{
	FILE *stream;

	free(text);
	stream = open_memstream(&text, &text_len);
	report_sas(stream, &list, 2000000);
	ck_assert_int_eq(fclose(stream), 0);
}

TEST(golden_table_of_peers)
{
	add_row("tcp:default");
	add_peer("192.0.2.10", "192.0.2.10");
	*add_peer("2001:db8::1", "2001:db8::1") =
	    (struct snapshot_peer){.name = "2001:db8::1", .label = "2001:db8::1"};
	memcpy(snapshot.peers[1].instance, "tcp:default", 12);
	write_peers();
	ck_assert_str_eq(
	    text,
	    "                                                 bytes     packets\n"
	    "instance     peer         state    SAs tun  sent  recv  sent  recv\n"
	    "tcp:default  192.0.2.10   up 3d 4h   2   1 1.23G 18.4E 12.3k   999\n"
	    "tcp:default  2001:db8::1  down       0   0     0     0     0     0\n");
}

TEST(only_labels_that_say_more_than_the_name)
{
	add_row("a");
	add_peer("192.0.2.10", "192.0.2.10");
	add_peer("192.0.2.11", "B\xc3\xbcro");
	write_peers();
	ck_assert_ptr_nonnull(
	    strstr(text, "\ninstance  peer        label  state    SAs"));
	ck_assert_ptr_nonnull(
	    strstr(text, "\na         192.0.2.10         up 3d 4h   2"));
	ck_assert_ptr_nonnull(
	    strstr(text, "\na         192.0.2.11  B\xc3\xbcro   up 3d 4h   2"));
}

/* The longest address, and the longest of everything else. */
TEST(peers_fit_100_columns)
{
	struct snapshot_peer *peer;

	add_row("unattributed");
	peer = add_peer("2001:db8:1111:2222:3333:4444:5555:6666",
			"2001:db8:1111:2222:3333:4444:5555:6666");
	peer->active = false;
	peer->last_change = (1000000 - 86399) * SECOND;
	peer->bytes_sent = peer->bytes_received = 999999999999;
	peer->totals.packets_sent = peer->totals.packets_received = 12345678;
	peer->totals.stats.active_sa = 100;
	write_peers();
	ck_assert_ptr_nonnull(strstr(text, "  down 23h 59m 100   1 1.00T"));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 100);
}

TEST(no_peers)
{
	add_row("a");
	write_peers();
	ck_assert_str_eq(text, "no peers\n");
}

/* A selection leaves rows out, and with them their peers. */
TEST(peers_of_some_instances)
{
	const char *const names[] = {"b"};

	add_row("a");
	add_peer("192.0.2.1", "192.0.2.1");
	add_row("b");
	add_peer("192.0.2.2", "192.0.2.2");
	report_keep_names(&snapshot, names, 1);
	write_peers();
	ck_assert_ptr_null(strstr(text, "192.0.2.1"));
	ck_assert_ptr_nonnull(strstr(text, "192.0.2.2"));
	write_json(REPORT_PEERS);
	ck_assert_ptr_null(strstr(text, "192.0.2.1"));
	ck_assert_ptr_nonnull(strstr(text, "\"peer\":\"192.0.2.2\""));
}

TEST(golden_json_of_a_peer)
{
	add_row("tcp:default");
	add_peer("192.0.2.10", "the \"portal\"");
	snapshot.health.last_poll = 5 * SECOND;
	snapshot.peers[0].last_change = 0;
	write_json(REPORT_PEERS);
	ck_assert_str_eq(
	    text,
	    "{\"report\":\"peers\",\"version\":\"1.0\",\"kernel\":\"6.1\","
	    "\"time\":\"2026-11-26T21:00:05.000Z\",\"restored\":true,"
	    "\"poll_duration_ns\":0,\"tracked_sas\":0,\"xfrm_stat_available\":true,\n"
	    "\"peers\":[\n"
	    "{\"instance\":\"tcp:default\",\"peer\":\"192.0.2.10\","
	    "\"label\":\"the \\\"portal\\\"\",\"active\":true,\"last_change\":null,"
	    "\"discontinuity\":\"2026-11-26T21:01:01.250Z\",\"active_sas\":2,"
	    "\"active_tunnels\":1,\"pending_key_operations\":0,\"key_additions\":0,"
	    "\"key_deletions\":0,\"rekeys\":0,\"packets_not_authenticated\":0,"
	    "\"replay_failures\":0,\"packets_sent\":12345,\"packets_received\":999,"
	    "\"bytes_sent\":1234567890,\"bytes_received\":18446744073709551615}]}\n");
}

/* SAs. */

static struct listed_sa *add_sa(const char *instance, uint32_t spi)
{
	struct listed_sa *sa = &sas[list.n++];

	*sa = (struct listed_sa){.peer = "192.0.2.1",
				 .label = "192.0.2.1",
				 .born = 2000000 - 200,
				 .direction = SA_DIR_OUT,
				 .direction_reason = DIRECTION_BY_ENDS,
				 .direction_holds = true,
				 .row_reason = ROW_BY_POLICY,
				 .row_holds = true,
				 .row_is_fixed = true,
				 .sa = {.spi = spi,
					.family = AF_INET,
					.proto = IPPROTO_ESP,
					.mode = XFRM_MODE_TUNNEL,
					.keyed = true,
					.reqid = 7,
					.sample = {.bytes = 5000, .packets = 40}}};
	snprintf(sa->instance, sizeof(sa->instance), "%s", instance);
	inet_pton(AF_INET, "10.0.0.1", &sa->sa.saddr);
	inet_pton(AF_INET, "192.0.2.1", &sa->sa.daddr);
	return sa;
}

TEST(golden_table_of_sas)
{
	struct listed_sa *larval;

	add_sa("tcp:default", 0xc0ffee01);
	larval = add_sa("unattributed", 2);
	larval->sa.keyed = false;
	larval->sa.mode = XFRM_MODE_TRANSPORT;
	larval->sa.sample = (struct sa_sample){.bytes = 0};
	larval->direction = SA_DIR_UNKNOWN;
	larval->direction_reason = DIRECTION_BY_NOTHING;
	larval->row_reason = ROW_UNCLAIMED;
	write_sas();
	ck_assert_str_eq(
	    text,
	    "instance      peer       dir  SPI         proto  mode           age"
	    "    bytes  packets\n"
	    "tcp:default   192.0.2.1  out  0xc0ffee01  esp    tunnel      3m 20s"
	    "    5.00k       40\n"
	    "    row: a policy selects it for a connection; direction: which end is "
	    "local\n"
	    "unattributed  192.0.2.1  ?    0x00000002  esp    transport   larval"
	    "        0        0\n"
	    "    row: no rule and no connection claims it; direction: nothing known "
	    "yet\n");
}

/* What gave an SA its row, in words and in JSON. */
static void reason_is(bool holds, bool fixed, bool kept, const char *words,
		      const char *json)
{
	struct listed_sa *sa;
	char want[200];

	list.n = 0;
	sa = add_sa("a", 1);
	sa->row_holds = holds;
	sa->row_is_fixed = fixed;
	sa->row_is_kept = kept;
	write_sas();
	snprintf(want, sizeof(want), "    row: %s; direction: ", words);
	ck_assert_msg(strstr(text, want) != NULL, "%s", text);
	write_json(REPORT_SAS);
	snprintf(want, sizeof(want), "\"row_reason\":\"%s\",\"row_kept\":%s}", json,
		 kept ? "true" : "false");
	ck_assert_msg(strstr(text, want) != NULL, "%s", text);
}

TEST(why_an_sa_has_its_row)
{
	reason_is(true, true, false, "a policy selects it for a connection", "policy");
	reason_is(true, true, true,
		  "keeps the row it had; a policy selects it for a connection",
		  "policy");
	reason_is(false, true, true, "keeps the row it had", "kept");
	reason_is(false, true, false, "keeps the row that claimed it first", "kept");
	reason_is(false, false, false,
		  "waits until its direction and policies are known", "waiting");
}

TEST(a_direction_that_nothing_shows_any_more)
{
	add_sa("a", 1)->direction_holds = false;
	write_sas();
	ck_assert_ptr_nonnull(strstr(text, "; direction: as first seen\n"));
	write_json(REPORT_SAS);
	ck_assert_ptr_nonnull(
	    strstr(text, "\"direction\":\"out\",\"direction_reason\":\"kept\""));
}

TEST(golden_json_of_an_sa)
{
	add_sa("tcp:default", 0xc0ffee01)->born = 1795726800 + 3;
	snapshot.health.last_poll = 5 * SECOND;
	write_json(REPORT_SAS);
	ck_assert_str_eq(
	    text,
	    "{\"report\":\"sas\",\"version\":\"1.0\",\"kernel\":\"6.1\","
	    "\"time\":\"2026-11-26T21:00:05.000Z\",\"restored\":true,"
	    "\"poll_duration_ns\":0,\"tracked_sas\":0,\"xfrm_stat_available\":true,\n"
	    "\"sas\":[\n"
	    "{\"instance\":\"tcp:default\",\"peer\":\"192.0.2.1\",\"label\":\"192.0.2.1"
	    "\",\"spi\":\"0xc0ffee01\",\"protocol\":\"esp\",\"mode\":\"tunnel\","
	    "\"source\":\"10.0.0.1\",\"destination\":\"192.0.2.1\",\"state\":\"keyed\","
	    "\"added\":\"2026-11-26T21:00:03.000Z\",\"age\":2,\"reqid\":7,\"if_id\":0,"
	    "\"mark\":0,\"mark_mask\":0,\"bytes\":5000,\"packets\":40,"
	    "\"integrity_failed\":0,\"replay_failures\":0,\"direction\":\"out\","
	    "\"direction_reason\":\"ends\",\"row_reason\":\"policy\","
	    "\"row_kept\":false}]}\n");
}

/* XFRM_MSG_NEWAE can set it to any time. */
TEST(json_of_an_sa_of_no_possible_time)
{
	static const uint64_t times[] = {UINT64_C(253402300800), UINT64_C(1) << 60,
					 UINT64_MAX};
	const char *added = sizeof(time_t) < sizeof(int64_t)
				? "\"added\":\"2038-01-19T03:14:07.000Z\",\"age\":0,"
				: "\"added\":\"9999-12-31T23:59:59.000Z\",\"age\":0,";

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		list.n = 0;
		add_sa("tcp:default", 1)->born = times[i];
		write_json(REPORT_SAS);
		ck_assert_ptr_nonnull(strstr(text, added));
	}
}

TEST(sas_of_some_instances)
{
	const char *const names[] = {"b"};

	add_sa("a", 1);
	add_sa("b", 2);
	report_keep_sas(&list, NULL, 0);
	ck_assert_uint_eq(list.n, 2);
	report_keep_sas(&list, names, 1);
	ck_assert_uint_eq(list.n, 1);
	ck_assert_uint_eq(list.sas[0].sa.spi, 2);
	report_keep_sas(&list, (const char *[]){"c"}, 1);
	write_sas();
	ck_assert_str_eq(text, "no SAs\n");
	write_json(REPORT_SAS);
	ck_assert_ptr_nonnull(strstr(text, "\n\"sas\":[]}\n"));
}

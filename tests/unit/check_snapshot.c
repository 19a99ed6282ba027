/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "snapshots.h"

static struct snapshot snapshot;

static void setup(void)
{
	snapshot = (struct snapshot){0};
}

static void teardown(void)
{
	snapshot_free(&snapshot);
}

static void add_row(const char *name)
{
	struct snapshot_row row = {.active = true};

	snprintf(row.name, sizeof(row.name), "%s", name);
	put_row(&snapshot, &row);
}

static void add_xfrm(const char *netns, const char *text)
{
	struct xfrm_stat stat;

	ck_assert_int_eq(xfrm_stat_parse(text, strlen(text), &stat), 0);
	ck_assert_int_eq(snapshot_add_xfrm(&snapshot, netns, &stat), 0);
}

CHAPTER(setup, teardown);

/* RFC 2578, 7.7: a string that is not IMPLIED begins with its length. */
TEST(rows_in_the_order_of_their_index)
{
	static const char *const in[] = {"unattributed", "b",   "tcp:eth10", "a~", "aa",
					 "tcp:eth2",     "a b", "B",         "a"};
	static const char *const out[] = {
	    "B", "a", "b", "aa", "a~", "a b", "tcp:eth2", "tcp:eth10", "unattributed"};

	for (size_t i = 0; i < 9; i++)
		add_row(in[i]);
	snapshot_sort(&snapshot);
	ck_assert_uint_eq(snapshot.n_rows, 9);
	for (size_t i = 0; i < 9; i++)
		ck_assert_str_eq(snapshot.rows[i].name, out[i]);
}

TEST(counters_in_the_order_of_their_index)
{
	static const char *const out[][2] = {{"", "Xa"},   {"", "Xbb"},  {"b", "Xa"},
					     {"b", "Xbb"}, {"aa", "Xa"}, {"aa", "Xbb"}};

	add_xfrm("b", "Xbb 1\nXa 2\n");
	add_xfrm("aa", "Xa 3\nXbb 4\n");
	add_xfrm("", "Xbb 5\nXa 6\n");
	snapshot_sort(&snapshot);
	ck_assert_uint_eq(snapshot.n_xfrm, 6);
	for (size_t i = 0; i < 6; i++) {
		ck_assert_str_eq(snapshot.xfrm[i].netns, out[i][0]);
		ck_assert_str_eq(snapshot.xfrm[i].counter.name, out[i][1]);
	}
	ck_assert_uint_eq(snapshot.xfrm[0].counter.value, 6);
	ck_assert_uint_eq(snapshot.xfrm[5].counter.value, 4);
}

TEST(empty)
{
	const struct xfrm_stat none = {.n = 0};

	snapshot_sort(&snapshot);
	ck_assert_int_eq(snapshot_add_xfrm(&snapshot, "", &none), 0);
	ck_assert_int_eq(snapshot_add_xfrm(&snapshot, "", &none), 0);
	snapshot_sort(&snapshot);
	ck_assert_uint_eq(snapshot.n_rows, 0);
	ck_assert_uint_eq(snapshot.n_xfrm, 0);
	snapshot_free(&snapshot);
	snapshot_free(&snapshot);
}

TEST(a_row_is_copied_whole)
{
	struct snapshot_row row = {.active = true,
				   .if_index = 7,
				   .sessions = 8,
				   .error_scope = ERROR_SCOPE_NAMESPACE,
				   .replay_failures = 9,
				   .discontinuity = 10};

	memset(&row.stats, 0x11, sizeof(row.stats));
	memset(row.name, 'n', 64);
	put_row(&snapshot, &row);
	ck_assert_mem_eq(&snapshot.rows[0], &row, sizeof(row));
	snapshot_free(&snapshot);
	ck_assert_ptr_null(snapshot.rows);
	ck_assert_uint_eq(snapshot.n_rows, 0);
}

TEST(long_names_of_namespaces_are_cut)
{
	char name[100];

	memset(name, 'n', sizeof(name));
	name[99] = '\0';
	add_xfrm(name, "Xa 1\n");
	ck_assert_uint_eq(strlen(snapshot.xfrm[0].netns), SNAPSHOT_NETNS_MAX);
}

TEST(rows_are_found)
{
	ck_assert_ptr_null(snapshot_find(&snapshot, "a"));
	add_row("b");
	add_row("aa");
	add_row("a");
	snapshot_sort(&snapshot);
	ck_assert_ptr_eq(snapshot_find(&snapshot, "a"), &snapshot.rows[0]);
	ck_assert_ptr_eq(snapshot_find(&snapshot, "b"), &snapshot.rows[1]);
	ck_assert_ptr_eq(snapshot_find(&snapshot, "aa"), &snapshot.rows[2]);
	ck_assert_ptr_null(snapshot_find(&snapshot, ""));
	ck_assert_ptr_null(snapshot_find(&snapshot, "ab"));
}

/* A walk over two rows with the same name would never end. */
TEST(no_two_rows_of_one_name)
{
	struct snapshot_row other = {.name = "blue/a", .netns = "blue"};

	put_row(&snapshot, &other);
	add_row("z");
	add_row("blue/a");
	add_row("a");
	snapshot_sort(&snapshot);
	ck_assert_uint_eq(snapshot.n_rows, 3);
	ck_assert_str_eq(snapshot.rows[0].name, "a");
	ck_assert_str_eq(snapshot.rows[1].name, "z");
	ck_assert_str_eq(snapshot.rows[2].name, "blue/a");
	ck_assert_str_eq(snapshot.rows[2].netns, "");
}

static void add_peer(const char *name)
{
	struct snapshot_peer *peer =
	    snapshot_add_peer(&snapshot, &snapshot.rows[snapshot.n_rows - 1]);

	ck_assert_ptr_nonnull(peer);
	snprintf(peer->name, sizeof(peer->name), "%s", name);
}

/* Peers follow the order of their rows. Those of a row that is dropped are dropped,
 * too.
 */
TEST(peers_in_the_order_of_their_rows)
{
	static const char *const out[][2] = {
	    {"b", "192.0.2.1"}, {"aa", "::1"}, {"aa", "other"}, {"aa", "192.0.2.1"}};

	add_row("aa");
	add_peer("::1");
	add_peer("other");
	add_peer("192.0.2.1");
	add_row("b");
	add_peer("192.0.2.1");
	add_row("b");
	add_peer("192.0.2.2");
	ck_assert_int_eq(snapshot_sort(&snapshot), 0);
	ck_assert_uint_eq(snapshot.n_peers, 4);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(snapshot.peers[i].instance, out[i][0]);
		ck_assert_str_eq(snapshot.peers[i].name, out[i][1]);
	}
	ck_assert_uint_eq(snapshot_find(&snapshot, "aa")->first_peer, 1);
	ck_assert_uint_eq(snapshot_find(&snapshot, "aa")->n_peers, 3);
}

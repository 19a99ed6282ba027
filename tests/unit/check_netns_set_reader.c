/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns_set_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A set that reads the state of a daemon that runs, and leaves it as it is. */

CHAPTER(netns_set_setup, netns_set_teardown);

static void pass_seconds(unsigned seconds)
{
	for (int i = 0; i < FAKE_NAMESPACES; i++)
		fake_host[i].kernel.now += seconds * SECOND;
}

/* A daemon polls and saves at 1000 s. It has ended only if last_at is not 0. */
static void daemon_saves(uint64_t last_at)
{
	open_set_with_state();
	poll_all();
	save_set(last_at);
	close_set();
	forget_log();
}

static const struct snapshot_row *row_of(const char *name)
{
	const struct snapshot_row *row = snapshot_find(&snapshot, name);

	ck_assert_msg(row != NULL, "no row %s, but %s", name, rows());
	return row;
}

TEST(a_reader_continues_and_dates_no_discontinuity)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	daemon_saves(0);
	pass_seconds(30);
	fake_host_set_bytes(FAKE_HOME, 120);
	open_set_read_only();
	poll_all();
	ck_assert(netns_set_is_restored(set));
	ck_assert_uint_eq(bytes_of(ALL), 120);
	ck_assert_uint_eq(row_of(ALL)->stats.key_additions, 1);
	ck_assert_uint_eq(row_of(ALL)->discontinuity, 1000 * SECOND);
	ck_assert_uint_eq(snapshot.peers[0].discontinuity, 1000 * SECOND);
	ck_assert_uint_eq(snapshot.health.resyncs, 0);
	ck_assert(!netns_set_wants_poll(set));
	ck_assert_str_eq(log_so_far(), "");
}

TEST(the_daemon_itself_dates_one_after_it_was_killed)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	daemon_saves(0);
	pass_seconds(30);
	open_set_with_state();
	poll_all();
	ck_assert_uint_eq(row_of(ALL)->discontinuity, 1030 * SECOND);
}

TEST(nobody_counted_after_the_daemon_had_ended)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	daemon_saves(1000 * SECOND);
	pass_seconds(30);
	open_set_read_only();
	poll_all();
	ck_assert_uint_eq(bytes_of(ALL), 100);
	ck_assert_uint_eq(row_of(ALL)->discontinuity, 1030 * SECOND);
}

/* Its last bytes are the daemon's alone until that saves again. */
TEST(an_sa_that_ended_since_the_save_is_a_discontinuity)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	daemon_saves(0);
	pass_seconds(30);
	fake_kernel_clear(&fake_host[FAKE_HOME].kernel.dumps[KERNEL_DUMP_SAD]);
	open_set_read_only();
	poll_all();
	ck_assert(netns_set_wants_poll(set));
	poll_all();
	ck_assert(!netns_set_wants_poll(set));
	ck_assert_uint_eq(bytes_of(ALL), 100);
	ck_assert_uint_eq(row_of(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row_of(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row_of(ALL)->discontinuity, 1030 * SECOND);
}

/* The contents of the state directory, and whether a reader has changed it. */
static const char *const state_files[] = {
    "state/other", "state/qmipsecd.state", "state/qmipsecd.blue.state",
    "state/qmipsecd.red.state", "state/qmipsecd.state.new"};
enum {
	N_STATE_FILES = sizeof(state_files) / sizeof(*state_files),
};
static struct {
	char *data;
	size_t len;
} kept[N_STATE_FILES];

static void remember_state(void)
{
	for (size_t i = 0; i < N_STATE_FILES; i++)
		kept[i].data = tree_read(&tree, state_files[i], &kept[i].len);
}

static void state_is_as_it_was(void)
{
	struct tree state;

	for (size_t i = 0; i < N_STATE_FILES; i++) {
		size_t len;
		char *data = tree_read(&tree, state_files[i], &len);

		ck_assert_uint_eq(len, kept[i].len);
		ck_assert_mem_eq(data, kept[i].data, len);
		free(data);
		free(kept[i].data);
	}
	snprintf(state.root, sizeof(state.root), "%.50s/state", tree.root);
	ck_assert_uint_eq(tree_count(&state), N_STATE_FILES);
}

TEST(a_reader_writes_and_removes_nothing)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_HOME, 100);
	fake_host_set_bytes(FAKE_BLUE, 30);
	daemon_saves(0);
	tree_text(&tree, "state/qmipsecd.red.state", "of a namespace that is gone");
	tree_text(&tree, "state/qmipsecd.state.new", "that the daemon writes now");
	remember_state();
	open_set_read_only();
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
	save_set(0);
	go("blue");
	ck_assert(netns_set_look(set)); /* which releases it */
	save_set(2000 * SECOND);
	close_set();
	state_is_as_it_was();
}

TEST(without_a_state_a_reader_begins_with_the_kernel)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	open_set_read_only();
	poll_all();
	ck_assert(!netns_set_is_restored(set));
	ck_assert_uint_eq(bytes_of(ALL), 100);
	ck_assert_str_eq(log_so_far(), "");
}

TEST(a_reader_says_that_it_cannot_use_a_state)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	tree_text(&tree, "state/qmipsecd.state", "damaged");
	open_set_read_only();
	poll_all();
	ck_assert_uint_eq(bytes_of(ALL), 100);
	ck_assert_uint_eq(logged("/state/qmipsecd.state is damaged"), 1);
	ck_assert_uint_eq(logged(": only what the kernel has now is shown\n"), 1);
	ck_assert(!netns_set_is_restored(set));
}

/* A state of another boot or namespace is nobody's here. */
TEST(a_reader_ignores_another_namespaces_state)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	daemon_saves(0);
	fake_host[FAKE_HOME].cookie++;
	fake_host_set_bytes(FAKE_HOME, 7);
	open_set_read_only();
	poll_all();
	ck_assert_uint_eq(bytes_of(ALL), 7);
	ck_assert(!netns_set_is_restored(set));
	ck_assert_str_eq(log_so_far(), "");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/netns_set.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"
#include "runner.h"
#include "tree.h"
#include "util/log.h"

#define SECOND UINT64_C(1000000000)
#define ALL INSTANCE_UNATTRIBUTED

static struct tree tree;
static struct netns_set *set;
static struct netns_list namespaces;
static struct instance_set instances;
static struct snapshot snapshot;
static char netns_dir[100];
static char state_dir[100];
static char log_text[8192];

/* Set-up and what the tests say. */

static void keep_log(int level, const char *text)
{
	size_t len = strlen(log_text);

	(void)level;
	snprintf(log_text + len, sizeof(log_text) - len, "%s\n", text);
}

static void setup(void)
{
	tree_make(&tree);
	snprintf(netns_dir, sizeof(netns_dir), "%s/netns", tree.root);
	snprintf(state_dir, sizeof(state_dir), "%s/state", tree.root);
	tree_text(&tree, "state/other", "");
	fake_host_make();
	set = NULL;
	namespaces = (struct netns_list){.n = 0};
	ck_assert_int_eq(instance_set_init(&instances), 0);
	snapshot = (struct snapshot){0};
	log_text[0] = '\0';
	log_set_sink(keep_log);
}

static void teardown(void)
{
	netns_set_free(set);
	for (int i = 0; i < FAKE_NAMESPACES; i++)
		ck_assert_uint_eq(fake_host[i].opened, fake_host[i].closed);
	fake_host_free();
	snapshot_free(&snapshot);
	instance_set_free(&instances);
	netns_list_free(&namespaces);
	tree_remove(&tree);
	log_set_sink(NULL);
}

static void want(const char *namespace)
{
	char error[200];

	ck_assert_int_eq(
	    netns_list_add_line(&namespaces, namespace, error, sizeof(error)), 0);
}

static struct netns_config config(void)
{
	return (struct netns_config){.instances = &instances,
				     .namespaces = &namespaces,
				     .stale_after = 60 * SECOND,
				     .receive_buffer = 65536};
}

static int try_to_open(const char *state)
{
	const struct netns_paths paths = {
	    .sysfs_root = NULL, .netns_dir = netns_dir, .state_dir = state};
	const struct netns_config now = config();

	return netns_set_open(&fake_opener, &paths, &now, &set);
}

static void open_set(void)
{
	ck_assert_int_eq(try_to_open(NULL), 0);
}

static void open_set_with_state(void)
{
	ck_assert_int_eq(try_to_open(state_dir), 0);
}

static void close_set(void)
{
	netns_set_free(set);
	set = NULL;
}

/* A file of that name comes, or goes. */
static void come(const char *name, int namespace)
{
	char path[100];

	snprintf(path, sizeof(path), "netns/%s", name);
	tree_link(&tree, path, fake_host[namespace].file);
}

static void go(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "netns/%s", name);
	tree_delete(&tree, path);
}

static void publish(void)
{
	struct snapshot fresh = {0};

	ck_assert_int_eq(netns_set_snapshot(set, &fresh, &snapshot), 0);
	snapshot_free(&snapshot);
	snapshot = fresh;
}

static void poll_all(void)
{
	ck_assert_int_eq(netns_set_poll(set), 0);
	publish();
}

/* The rows' names, each followed by a blank. */
static const char *rows(void)
{
	static char text[1000];

	text[0] = '\0';
	for (size_t i = 0; i < snapshot.n_rows; i++)
		strcat(strcat(text, snapshot.rows[i].name), " ");
	return text;
}

static uint64_t bytes_of(const char *row)
{
	const struct snapshot_row *found = snapshot_find(&snapshot, row);

	ck_assert_msg(found != NULL, "no row %s, but %s", row, rows());
	return found->stats.tunnel_bytes_sent;
}

static unsigned logged(const char *line)
{
	unsigned n = 0;

	for (const char *at = log_text; (at = strstr(at, line)); at++)
		n++;
	return n;
}

static bool readable(void)
{
	struct pollfd fd = {.fd = netns_set_event_fd(set), .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

CHAPTER(setup, teardown);

/* Which are served. */

TEST(only_the_own_namespace_is_served_by_default)
{
	come("blue", FAKE_BLUE);
	fake_host_set_bytes(FAKE_HOME, 100);
	open_set();
	poll_all();
	ck_assert_str_eq(rows(), ALL " ");
	ck_assert_uint_eq(bytes_of(ALL), 100);
	ck_assert_int_eq(netns_set_mounts_fd(set), -1);
	ck_assert(!readable());
	ck_assert_uint_eq(fake_host[FAKE_BLUE].opened, 0);
	ck_assert_str_eq(log_text, "");
}

TEST(a_named_namespace_is_served_beside_it)
{
	come("blue", FAKE_BLUE);
	come("red", FAKE_RED);
	want("blue");
	fake_host_set_bytes(FAKE_HOME, 100);
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set();
	poll_all();
	ck_assert_str_eq(rows(), ALL " blue/" ALL " ");
	ck_assert_uint_eq(bytes_of(ALL), 100);
	ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
	ck_assert_int_ge(netns_set_mounts_fd(set), 0);
	ck_assert_str_eq(log_text, "namespace blue: watched\n");
}

TEST(all_namespaces_of_the_directory_are_served)
{
	come("blue", FAKE_BLUE);
	come(".red", FAKE_RED);
	want("*");
	open_set();
	poll_all();
	ck_assert_str_eq(rows(), ALL " .red/" ALL " blue/" ALL " ");
}

TEST(the_namespace_of_an_instance_is_served)
{
	char error[200];

	come("blue", FAKE_BLUE);
	ck_assert_int_eq(instance_set_add_line(&instances, "far namespace blue", error,
					       sizeof(error)),
			 0);
	open_set();
	poll_all();
	ck_assert_str_eq(rows(), "blue/far " ALL " blue/" ALL " ");
}

TEST(two_names_of_one_namespace_are_served_once)
{
	come("blue", FAKE_BLUE);
	come("blue-too", FAKE_BLUE);
	come("own", FAKE_HOME);
	want("*");
	open_set();
	netns_set_look(set);
	poll_all();
	ck_assert_str_eq(rows(), ALL " blue/" ALL " ");
	ck_assert_uint_eq(logged("namespace blue-too: served already, as namespace "
				 "blue\n"),
			  1);
	ck_assert_uint_eq(
	    logged("namespace own: served already, as the daemon's own\n"), 1);
	go("blue");
	ck_assert(netns_set_look(set));
	poll_all();
	ck_assert_str_eq(rows(), ALL " blue-too/" ALL " ");
}

/* Coming and going. */

TEST(a_namespace_that_comes_later)
{
	want("blue");
	open_set();
	poll_all();
	ck_assert_uint_eq(logged("namespace blue: not in "), 1);
	ck_assert(!netns_set_look(set));
	come("blue", FAKE_BLUE);
	while (!readable())
		netns_set_look(set);
	ck_assert(netns_set_read_events(set));
	ck_assert(netns_set_wants_poll(set));
	publish();
	ck_assert_str_eq(rows(), ALL " "); /* it has nothing to show yet */
	poll_all();
	ck_assert(!netns_set_wants_poll(set));
	ck_assert_str_eq(rows(), ALL " blue/" ALL " ");
	ck_assert_uint_eq(logged("namespace blue"), 2);
}

TEST(a_namespace_that_is_being_made)
{
	tree_text(&tree, "netns/blue", "");
	want("*");
	open_set();
	ck_assert(!netns_set_look(set));
	ck_assert_str_eq(log_text, "");
	go("blue");
	come("blue", FAKE_BLUE);
	ck_assert(netns_set_look(set));
}

TEST(one_that_goes_is_closed_after_its_last_numbers_are_read)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set();
	poll_all();
	fake_host_set_bytes(FAKE_BLUE, 50);
	go("blue");
	ck_assert(readable());
	ck_assert(netns_set_read_events(set));
	ck_assert_uint_eq(fake_host[FAKE_BLUE].closed, 1);
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 50);
	ck_assert_uint_eq(snapshot_find(&snapshot, "blue/" ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(logged("namespace blue: gone\n"), 1);
}

TEST(one_that_has_counted_nothing_leaves_no_rows)
{
	come("blue", FAKE_BLUE);
	want("*");
	open_set();
	fake_host[FAKE_BLUE].kernel.n_foreign = 3;
	poll_all();
	ck_assert_uint_eq(snapshot.health.foreign, 3);
	go("blue");
	ck_assert(netns_set_look(set));
	poll_all();
	ck_assert_str_eq(rows(), ALL " ");
	ck_assert_uint_eq(snapshot.health.foreign, 3); /* what was counted stays */
}

TEST(the_same_namespace_goes_on_counting_when_it_is_back)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set();
	poll_all();
	go("blue");
	netns_set_look(set);
	fake_host_set_bytes(FAKE_BLUE, 50);
	come("blue", FAKE_BLUE);
	ck_assert(netns_set_look(set));
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 50);
	ck_assert_uint_eq(logged("namespace blue: watched\n"), 2);
}

TEST(another_of_that_name_counts_from_zero_on_top)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_BLUE, 30);
	fake_host_set_bytes(FAKE_RED, 5);
	open_set();
	poll_all();
	go("blue");
	come("blue", FAKE_RED);
	ck_assert(netns_set_look(set));
	ck_assert_uint_eq(fake_host[FAKE_BLUE].closed, 1);
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 35);
}

TEST(one_that_is_not_wanted_any_more_is_released)
{
	struct netns_config now;

	come("blue", FAKE_BLUE);
	want("blue");
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set();
	poll_all();
	netns_list_free(&namespaces);
	now = config();
	ck_assert_int_eq(netns_set_configure(set, &now), 0);
	ck_assert_uint_eq(fake_host[FAKE_BLUE].closed, 1);
	ck_assert_int_eq(netns_set_mounts_fd(set), -1);
	ck_assert_uint_eq(logged("namespace blue: watched no more\n"), 1);
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
	want("blue");
	now = config();
	ck_assert_int_eq(netns_set_configure(set, &now), 0);
	ck_assert_int_ge(netns_set_mounts_fd(set), 0);
	ck_assert_uint_eq(fake_host[FAKE_BLUE].opened, 2);
}

TEST(the_256_that_went_last_are_remembered)
{
	want("*");
	fake_host_set_bytes(FAKE_BLUE, 1);
	open_set();
	for (unsigned i = 0; i < 258; i++) {
		char name[20];

		snprintf(name, sizeof(name), "n%03u", 300 - i);
		come(name, FAKE_BLUE);
		ck_assert(netns_set_look(set));
		fake_host[FAKE_BLUE].kernel.now += SECOND;
		go(name);
		ck_assert(netns_set_look(set));
	}
	poll_all();
	ck_assert_uint_eq(snapshot.n_rows, 257);
	ck_assert_ptr_null(snapshot_find(&snapshot, "n300/" ALL));
	ck_assert_ptr_null(snapshot_find(&snapshot, "n299/" ALL));
	ck_assert_ptr_nonnull(snapshot_find(&snapshot, "n298/" ALL));
}

/* What cannot be had. */

TEST(the_own_namespace_that_cannot_be_opened)
{
	fake_host[FAKE_HOME].open_error = -EPERM;
	ck_assert_int_eq(try_to_open(NULL), -EPERM);
	ck_assert_ptr_nonnull(strstr(log_text, "CAP_NET_ADMIN"));
	ck_assert_int_eq(netns_set_probe(&fake_opener), -EPERM);
	fake_host[FAKE_HOME].open_error = 0;
	ck_assert_int_eq(netns_set_probe(&fake_opener), 0);
}

TEST(one_that_cannot_be_opened_is_said_once_and_tried_again)
{
	come("blue", FAKE_BLUE);
	come("net", FAKE_RED);
	want("*");
	fake_host[FAKE_BLUE].open_error = -EPERM;
	fake_host[FAKE_RED].open_error = -ENOTTY;
	open_set();
	ck_assert(!netns_set_look(set));
	ck_assert_uint_eq(logged("namespace blue: to enter it takes the capability "
				 "CAP_SYS_ADMIN"),
			  1);
	ck_assert_uint_eq(logged("namespace net: not a network namespace\n"), 1);
	fake_host[FAKE_BLUE].open_error = -ENOMEM;
	netns_set_look(set);
	ck_assert_uint_eq(logged("namespace blue: cannot be watched: "), 1);
	fake_host[FAKE_BLUE].open_error = 0;
	ck_assert(netns_set_look(set));
	poll_all();
	ck_assert_str_eq(rows(), ALL " blue/" ALL " ");
}

TEST(a_directory_that_cannot_be_listed)
{
	tree_text(&tree, "netns", "");
	want("*");
	open_set();
	netns_set_look(set);
	ck_assert_uint_eq(logged("/netns: Not a directory\n"), 1);
}

/* Polls and events. */

TEST(after_a_failed_poll_the_old_numbers_stay)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set();
	poll_all();
	fake_host_set_bytes(FAKE_HOME, 7);
	fake_host_set_bytes(FAKE_BLUE, 50);
	fake_host[FAKE_BLUE].kernel.dump_error[KERNEL_DUMP_SAD] = -EPERM;
	fake_host[FAKE_BLUE].kernel.dump_error_after[KERNEL_DUMP_SAD] = 1;
	poll_all(); /* the daemon's own was good */
	ck_assert_uint_eq(bytes_of(ALL), 7);
	ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
	ck_assert_uint_eq(snapshot.health.failed_polls, 1);
	ck_assert_uint_eq(logged("namespace blue: cannot read "), 1);
	poll_all();
	fake_host[FAKE_BLUE].kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 50);
	ck_assert_uint_eq(logged("namespace blue: cannot read "), 1);
	ck_assert_uint_eq(logged(" can be read again\n"), 1);
}

TEST(the_own_namespace_decides_whether_a_poll_was_good)
{
	open_set();
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = -EPERM;
	ck_assert_int_eq(netns_set_poll(set), -EPERM);
	ck_assert_uint_eq(logged("CAP_NET_ADMIN"), 1);
	ck_assert(!netns_set_wants_poll(set));
}

TEST(events_that_cannot_be_read_wait_for_a_good_poll)
{
	open_set();
	poll_all();
	fake_host_wake(FAKE_HOME);
	ck_assert(readable());
	fake_host[FAKE_HOME].kernel.events_error = -EIO;
	fake_host[FAKE_HOME].kernel.n_events_errors = 1000;
	ck_assert(!netns_set_read_events(set));
	ck_assert(!readable()); /* it would be readable for ever */
	netns_set_poll(set);
	ck_assert(!readable());
	ck_assert(!netns_set_wants_poll(set));
	fake_host[FAKE_HOME].kernel.n_events_errors = 0;
	poll_all();
	ck_assert(readable());
}

TEST(a_flooded_socket_is_left_to_the_polls)
{
	open_set();
	poll_all();
	fake_host_wake(FAKE_HOME);
	fake_host[FAKE_HOME].kernel.n_foreign = FLOOD_MESSAGES + 1;
	netns_set_read_events(set);
	ck_assert(!readable());
	ck_assert_uint_eq(logged("messages that the kernel did not send"), 1);
	poll_all(); /* few since: the flood may be over */
	poll_all();
	ck_assert(readable());
}

TEST(debug_topics_follow_a_namespace)
{
	come("blue", FAKE_BLUE);
	want("*");
	log_enable_topic("netns");
	log_enable_topic("state");
	open_set_with_state();
	log_enable_topic("poll");
	fake_host[FAKE_BLUE].kernel.dump_takes = 7000;
	poll_all();
	netns_set_save(set, 0);
	log_topics_on = 0;
	ck_assert_uint_eq(logged("netns: namespace blue: opened: Success\n"), 1);
	ck_assert_uint_eq(logged("state: namespace blue: read "), 1);
	ck_assert_uint_eq(logged("state: namespace blue: saved in "), 1);
	ck_assert_uint_eq(logged("poll: namespace blue: polled in 7 us: Success\n"), 1);
}

/* The state. */

static void forget_log(void)
{
	log_text[0] = '\0';
}

TEST(state_is_saved_and_restored)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_HOME, 100);
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set_with_state();
	poll_all();
	netns_set_save(set, fake_host[FAKE_HOME].kernel.now);
	close_set();
	fake_host_set_bytes(FAKE_HOME, 120);
	fake_host_set_bytes(FAKE_BLUE, 50);
	fake_host[FAKE_BLUE].kernel.now += 60 * SECOND;
	open_set_with_state();
	poll_all();
	ck_assert_uint_eq(bytes_of(ALL), 120);
	ck_assert_uint_eq(bytes_of("blue/" ALL), 50);
	/* what may have been missed in a minute counts for one of them */
	ck_assert_uint_eq(snapshot.health.resyncs, 1);
}

TEST(the_state_of_one_that_has_gone_is_removed)
{
	come("blue", FAKE_BLUE);
	come("red", FAKE_RED);
	want("blue");
	want("red");
	open_set_with_state();
	poll_all();
	netns_set_save(set, 0);
	free(tree_read(&tree, "state/qmipsecd.blue.state", &(size_t){0}));
	go("blue"); /* while the daemon runs */
	netns_set_look(set);
	netns_set_look(set);
	ck_assert_uint_eq(logged("namespace blue: not in "), 0); /* "gone" says it */
	netns_set_save(set, 0);
	close_set();
	go("red"); /* while it does not */
	open_set_with_state();
	close_set();
	snprintf(tree.root + strlen(tree.root), sizeof(tree.root) - strlen(tree.root),
		 "/state");
	ck_assert_uint_eq(tree_count(&tree), 2); /* of the daemon's own, and "other" */
	*strrchr(tree.root, '/') = '\0';
}

TEST(a_damaged_state_is_rejected)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	tree_text(&tree, "state/qmipsecd.state", "damaged");
	open_set_with_state();
	ck_assert_uint_eq(logged("/state/qmipsecd.state is damaged"), 1);
	poll_all();
	ck_assert_uint_eq(bytes_of(ALL), 100);
}

TEST(a_state_of_another_namespace_is_not_taken)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set_with_state();
	poll_all();
	netns_set_save(set, 0);
	close_set();
	fake_host[FAKE_BLUE].cookie++;
	fake_host_set_bytes(FAKE_BLUE, 5);
	forget_log();
	open_set_with_state();
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 5);
	ck_assert_uint_eq(
	    logged("namespace blue: the saved state is of another boot or "
		   "namespace"),
	    1);
}

TEST(a_state_that_cannot_be_saved_is_said_once)
{
	open_set_with_state();
	poll_all();
	tree_delete(&tree, "state");
	netns_set_save(set, 0);
	netns_set_save(set, 0);
	ck_assert_uint_eq(logged("cannot save the state as "), 1);
	tree_text(&tree, "state/other", "");
	netns_set_save(set, 0);
	netns_set_save(set, 0);
	ck_assert_uint_eq(logged("the state can be saved again\n"), 1);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns_set_world.h"
#include "privilege.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "privilege.h"

/* Which namespaces are served, and when. */

CHAPTER(netns_set_setup, netns_set_teardown);

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
	ck_assert_str_eq(log_so_far(), "");
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
	ck_assert_str_eq(log_so_far(), "namespace blue: watched\n");
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

/* Each namespace needs six. */
TEST(other_namespaces_get_as_many_descriptors_as_permitted)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max / 2;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	open_set();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_lt(limit.rlim_cur, limit.rlim_max);
	close_set();
	want("blue");
	open_set();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
}

TEST(no_descriptor_is_left)
{
	int err;

	privilege_limit_fds();
	err = try_to_open(NULL);
	privilege_unlimited();
	ck_assert_int_eq(err, -EMFILE);
	ck_assert_ptr_null(set);
	ck_assert_uint_eq(logged("cannot watch for events: Too many open files\n"), 1);
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

TEST(a_namespace_with_two_names_is_served_once)
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

/* Namespaces appear and disappear. */

TEST(a_namespace_that_appears_later)
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
	ck_assert(netns_set_look(set));
	ck_assert(netns_set_wants_poll(set));
	publish();
	ck_assert_str_eq(rows(), ALL " "); /* nothing is known of it yet */
	poll_all();
	ck_assert(!netns_set_wants_poll(set));
	ck_assert_str_eq(rows(), ALL " blue/" ALL " ");
	ck_assert_uint_eq(logged("namespace blue"), 2);
}

TEST(only_what_is_open_is_polled_to_settle_it)
{
	want("*");
	open_set();
	poll_all();
	come("blue", FAKE_BLUE);
	ck_assert(netns_set_look(set));
	fake_host_set_bytes(FAKE_HOME, 10);
	fake_host_set_bytes(FAKE_BLUE, 30);
	netns_set_settle(set);
	publish();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
	ck_assert_uint_eq(bytes_of(ALL), 0);
	ck_assert(!netns_set_wants_poll(set));
	poll_all();
	ck_assert_uint_eq(bytes_of(ALL), 10);
}

TEST(a_namespace_that_is_being_made)
{
	tree_text(&tree, "netns/blue", "");
	want("*");
	open_set();
	ck_assert(!netns_set_look(set));
	ck_assert_str_eq(log_so_far(), "");
	go("blue");
	come("blue", FAKE_BLUE);
	ck_assert(netns_set_look(set));
}

TEST(a_namespace_that_disappears_is_read_and_closed)
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
	ck_assert(!readable());
	ck_assert(netns_set_look(set));
	ck_assert_uint_eq(fake_host[FAKE_BLUE].closed, 1);
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 50);
	ck_assert_uint_eq(snapshot_find(&snapshot, "blue/" ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(logged("namespace blue: gone\n"), 1);
}

TEST(a_namespace_that_has_counted_nothing_leaves_no_rows)
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
	ck_assert_uint_eq(snapshot.health.foreign, 3); /* its count stays */
}

TEST(the_same_namespace_continues_its_counters)
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

TEST(another_namespace_of_the_name_adds_to_the_counters)
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

TEST(a_namespace_that_is_no_longer_configured_is_closed)
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
	ck_assert_uint_eq(logged("namespace blue: no longer watched\n"), 1);
	poll_all();
	ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
	want("blue");
	now = config();
	ck_assert_int_eq(netns_set_configure(set, &now), 0);
	ck_assert_int_ge(netns_set_mounts_fd(set), 0);
	ck_assert_uint_eq(fake_host[FAKE_BLUE].opened, 2);
}

TEST(the_last_256_namespaces_are_remembered)
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

/* Errors. */

TEST(the_daemons_own_namespace_cannot_be_opened)
{
	fake_host[FAKE_HOME].open_error = -EPERM;
	ck_assert_int_eq(try_to_open(NULL), -EPERM);
	ck_assert_ptr_nonnull(strstr(log_so_far(), "CAP_NET_ADMIN"));
	ck_assert_int_eq(netns_set_probe(&fake_opener), -EPERM);
	fake_host[FAKE_HOME].open_error = 0;
	ck_assert_int_eq(netns_set_probe(&fake_opener), 0);
}

TEST(an_error_of_opening_is_logged_once_and_retried)
{
	come("blue", FAKE_BLUE);
	come("net", FAKE_RED);
	want("*");
	fake_host[FAKE_BLUE].open_error = -EPERM;
	fake_host[FAKE_RED].open_error = -ENOTTY;
	open_set();
	ck_assert(!netns_set_look(set));
	ck_assert_uint_eq(logged("namespace blue: cannot enter it without "
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

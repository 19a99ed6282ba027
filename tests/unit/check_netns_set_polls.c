/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns_set_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instances.h"
#include "util/log.h"

/* Polls, events and saved state of all namespaces. */

CHAPTER(netns_set_setup, netns_set_teardown);

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
	poll_all(); /* the daemon's own succeeded */
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

TEST(a_32_bit_process_is_told_what_the_kernel_lacks)
{
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = -EOPNOTSUPP;
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SPD] = -EOPNOTSUPP;
	open_set();
	ck_assert_int_eq(netns_set_poll(set), -EOPNOTSUPP);
	ck_assert_uint_eq(logged("CONFIG_XFRM_USER_COMPAT"), 1);
	ck_assert_uint_eq(logged("last"), 0);
}

TEST(a_source_with_the_same_error_is_logged_once_the_sas_can_be_read)
{
	open_set();
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = -EIO;
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_ADDRS] = -EIO;
	ck_assert_int_eq(netns_set_poll(set), -EIO);
	ck_assert_uint_eq(logged("cannot read"), 1);
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_all();
	ck_assert_uint_eq(logged("cannot read the addresses: "), 1);
}

TEST(only_numbers_that_exist_are_served_instead)
{
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = -EIO;
	open_set();
	ck_assert_int_eq(netns_set_poll(set), -EIO);
	publish();
	ck_assert_uint_eq(bytes_of(ALL), 0);
	ck_assert_str_eq(log_so_far(),
			 "cannot read the kernel's SAs: Input/output error\n");
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_all();
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = -EIO;
	ck_assert_int_eq(netns_set_poll(set), -EIO);
	ck_assert_uint_eq(
	    logged("cannot read the kernel's SAs: Input/output error; the "
		   "last numbers are served\n"),
	    1);
}

TEST(a_missing_interface_is_logged_at_each_start_and_reload)
{
#define MISSING "instance a: there is no network interface nosuch yet"
	const struct netns_config again = config();

	instances_configure(&instances, "a device nosuch");
	open_set();
	ck_assert_uint_eq(logged(MISSING), 0);
	poll_all();
	poll_all();
	ck_assert_uint_eq(logged(MISSING "; waiting for it\n"), 1);
	instances_configure(&instances, "b device other");
	ck_assert_int_eq(netns_set_configure(set, &again), 0);
	poll_all();
	poll_all();
	ck_assert_uint_eq(logged(MISSING " (and 1 more); waiting for "
					 "it\n"),
			  1);
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
	ck_assert(!readable()); /* else it would always be readable */
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
	poll_all(); /* few messages since then: the flood may be over */
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
	save_set(0);
	log_topics_on = 0;
	ck_assert_uint_eq(logged("netns: namespace blue: opened: Success\n"), 1);
	ck_assert_uint_eq(logged("state: namespace blue: read "), 1);
	ck_assert_uint_eq(logged("/state/qmipsecd.blue.state: Success\n"), 1);
	ck_assert_uint_eq(logged("poll: namespace blue: polled in 7 us: Success\n"), 1);
}

/* State. */

TEST(state_is_saved_and_restored)
{
	come("blue", FAKE_BLUE);
	want("*");
	fake_host_set_bytes(FAKE_HOME, 100);
	fake_host_set_bytes(FAKE_BLUE, 30);
	open_set_with_state();
	poll_all();
	save_set(fake_host[FAKE_HOME].kernel.now);
	close_set();
	fake_host_set_bytes(FAKE_HOME, 120);
	fake_host_set_bytes(FAKE_BLUE, 50);
	fake_host[FAKE_BLUE].kernel.now += 60 * SECOND;
	open_set_with_state();
	poll_all();
	ck_assert_uint_eq(bytes_of(ALL), 120);
	ck_assert_uint_eq(bytes_of("blue/" ALL), 50);
	/* only for one of them a minute is a gap */
	ck_assert_uint_eq(snapshot.health.resyncs, 1);
}

TEST(the_state_of_a_namespace_that_has_disappeared_is_removed)
{
	come("blue", FAKE_BLUE);
	come("red", FAKE_RED);
	want("blue");
	want("red");
	open_set_with_state();
	poll_all();
	save_set(0);
	free(tree_read(&tree, "state/qmipsecd.blue.state", &(size_t){0}));
	go("blue"); /* while the daemon runs */
	netns_set_look(set);
	netns_set_look(set);
	ck_assert_uint_eq(logged("namespace blue: not in "),
			  0); /* the message "gone" is enough */
	save_set(0);
	close_set();
	go("red"); /* while it is down */
	tree_text(&tree, "state/qmipsecd.green.state", "not configured any more");
	open_set_with_state();
	save_set(0);
	close_set();
	snprintf(tree.root + strlen(tree.root), sizeof(tree.root) - strlen(tree.root),
		 "/state");
	ck_assert_uint_eq(tree_count(&tree),
			  2); /* that of the daemon's own, and "other" */
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
	save_set(0);
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

/* As before Linux 5.14: nothing would show that a state is of another namespace. */
TEST(no_state_without_a_cookie)
{
	fake_host[FAKE_HOME].cookie_error = -ENOPROTOOPT;
	open_set_with_state();
	ck_assert_uint_eq(logged("cannot save the state, since boot id or network "
				 "namespace cannot be read: Protocol not available\n"),
			  1);
	poll_all();
	save_set(1);
	ck_assert_uint_eq(logged("cannot save"), 1);
	close_set();
	fake_host[FAKE_HOME].cookie_error = 0;
	open_set_with_state();
	ck_assert_uint_eq(logged("cannot save"), 1);
}

TEST(an_error_of_saving_is_logged_once)
{
	open_set_with_state();
	poll_all();
	tree_delete(&tree, "state");
	save_set(0);
	save_set(0);
	ck_assert_uint_eq(logged("cannot save the state as "), 1);
	tree_text(&tree, "state/other", "");
	save_set(0);
	save_set(0);
	ck_assert_uint_eq(logged("the state can be saved again\n"), 1);
}

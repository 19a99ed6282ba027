/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocation fails in turn while the namespaces of a host are opened, configured
 * and shown. What fails has no effect, or the next attempt makes up for it.
 */
#include <errno.h>
#include <string.h>

#include "collector/sa_list.h"
#include "failing_alloc.h"
#include "failing_kernel.h"
#include "instances.h"
#include "netns_set_world.h"
#include "report/rates.h"

static struct kernel_ops ops;
static struct kernel_opener opener;
static size_t n_listed; /* SAs */

/* The opener is part of the test, so nothing fails in it. */

static int open_own(size_t rcvbuf, void **ret)
{
	int err;

	failing_alloc_pause();
	err = fake_opener.open(rcvbuf, ret);
	failing_alloc_resume();
	return err;
}

static int open_other(void *home, int netns, size_t rcvbuf, void **ret)
{
	int err;

	failing_alloc_pause();
	err = fake_opener.open_other(home, netns, rcvbuf, ret);
	failing_alloc_resume();
	return err;
}

static void setup(void)
{
	netns_set_setup();
	ops = failing_kernel_ops();
	opener = fake_opener;
	opener.ops = &ops;
	opener.open = open_own;
	opener.open_other = open_other;
	fake_host_set_bytes(FAKE_HOME, 100);
	fake_host_set_bytes(FAKE_BLUE, 30);
	come("blue", FAKE_BLUE);
	want("*");
}

static int step_open(void)
{
	const struct netns_paths paths = {.netns_dir = netns_dir};
	const struct netns_config now = config();

	return netns_set_open(&opener, &paths, &now, &set);
}

static int step_configure(void)
{
	const struct netns_config now = config();

	return netns_set_configure(set, &now);
}

static int step_snapshot(void)
{
	struct snapshot fresh = {0};
	int err = netns_set_snapshot(set, &fresh, &snapshot);

	snapshot_free(&fresh);
	return err;
}

static int step_list_sas(void)
{
	struct sa_list list = {0};
	int err = netns_set_list_sas(set, &list);

	n_listed = list.n;
	sa_list_free(&list);
	return err;
}

static int step_rates(void)
{
	struct rates rates;
	int err = rates_make(&snapshot, &snapshot, &rates);

	if (!err)
		rates_free(&rates);
	return err;
}

/* Takes a step with a failure. Returns false if it has no nth allocation. */
static bool take_failing(int (*step)(void), size_t nth, int *ret_err)
{
	bool failed;

	failing_alloc_begin(nth, nth % 2);
	*ret_err = step();
	failed = failing_alloc_end();
	ck_assert_msg(*ret_err == 0 || (failed && *ret_err == -ENOMEM),
		      "allocation %zu: %s", nth, strerror(-*ret_err));
	return failed;
}

static void fail_at_each(int (*step)(void))
{
	size_t nth = 1;
	int err;

	while (take_failing(step, nth, &err))
		nth++;
	ck_assert_uint_gt(nth, 1);
	ck_assert_int_eq(err, 0);
}

static void everything_is_served(const char *names)
{
	netns_set_look(set);
	poll_all();
	ck_assert_str_eq(rows(), names);
	ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
}

CHAPTER(setup, netns_set_teardown);

TEST(opening)
{
	bool failed = true;

	for (size_t nth = 1; failed; nth++) {
		int err;

		failed = take_failing(step_open, nth, &err);
		ck_assert_int_eq(err == 0, set != NULL);
		if (err)
			ck_assert_int_eq(step_open(), 0);
		everything_is_served(ALL " blue/" ALL " ");
		close_set();
	}
	ck_assert_uint_gt(logged("out of memory\n"), 0);
}

TEST(configuring)
{
	bool failed = true;

	ck_assert_int_eq(step_open(), 0);
	everything_is_served(ALL " blue/" ALL " ");
	instances_configure(&instances, "a local 10.0.0.1");
	for (size_t nth = 1; failed; nth++) {
		int err;

		failed = take_failing(step_configure, nth, &err);
		poll_all();
		ck_assert_uint_eq(bytes_of("blue/" ALL), 30);
	}
	everything_is_served("a " ALL " blue/" ALL " ");
	ck_assert_uint_gt(logged("namespace blue: out of memory: the old configuration "
				 "stays\n"),
			  0);
}

/* The numbers of the last poll, since this one has failed. */
TEST(showing)
{
	ck_assert_int_eq(step_open(), 0);
	everything_is_served(ALL " blue/" ALL " ");
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = -EIO;
	ck_assert_int_eq(netns_set_poll(set), -EIO);
	fail_at_each(step_snapshot);
	fail_at_each(step_rates);
	publish();
	ck_assert_uint_eq(bytes_of(ALL), 100);
	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_all();
	fail_at_each(step_list_sas);
	ck_assert_uint_eq(n_listed, 2);
}

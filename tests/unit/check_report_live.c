/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Polls for a report, and the live view on a terminal. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns_set_world.h"
#include "report/report.h"
#include "report/watch.h"
#include "util/log.h"

CHAPTER(netns_set_setup, netns_set_teardown);

/* The ledger believes only the second dump that lacks the SA. */
TEST(a_report_does_not_show_an_sa_that_is_gone)
{
	fake_host_set_bytes(FAKE_HOME, 100);
	open_set_with_state();
	poll_all();
	save_set(0);
	close_set();
	fake_kernel_clear(&fake_host[FAKE_HOME].kernel.dumps[KERNEL_DUMP_SAD]);
	open_set_read_only();
	ck_assert_int_eq(report_poll(set), 0);
	publish();
	ck_assert_uint_eq(snapshot_find(&snapshot, ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(bytes_of(ALL), 100);
}

/* Nothing is printed. */
TEST(a_report_that_cannot_be_made)
{
	const struct netns_paths paths = {.netns_dir = netns_dir};
	const struct netns_config now = config();
	const struct report_options options = {.version = "1"};

	fake_host[FAKE_HOME].kernel.dump_error[KERNEL_DUMP_SAD] = -EIO;
	ck_assert_int_eq(report_once(&fake_opener, &paths, &now, &options), -EIO);
	fake_host[FAKE_HOME].open_error = -EPROTONOSUPPORT;
	ck_assert_int_eq(report_once(&fake_opener, &paths, &now, &options),
			 -EPROTONOSUPPORT);
	ck_assert_uint_eq(logged("cannot read the kernel's SAs: "), 1);
	ck_assert_uint_eq(logged("this kernel has no IPsec"), 1);
}

/* The live view. */

#define FAILURE "cannot read the kernel's SAs: Input/output error"

static char logged_later[1000];
static int level_later;

static void note(int level, const char *text)
{
	level_later = level;
	snprintf(logged_later, sizeof(logged_later), "%s", text);
}

static int open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(dup2(slave, STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(dup2(slave, STDOUT_FILENO), STDOUT_FILENO);
	close(slave);
	setenv("TERM", "xterm", 1);
	return master;
}

/* The first poll is good, all later ones fail. */
static void fail_from_now_on(struct fake_kernel *kernel)
{
	kernel->dump_error[KERNEL_DUMP_SAD] = -EIO;
}

/* A message would spoil the screen: it is a part of the next frame, and logged once the
 * screen is closed. SIGALRM ends the view as SIGTERM does. */
TEST(messages_wait_for_the_end_of_the_screen)
{
	const struct netns_paths paths = {.netns_dir = netns_dir};
	const struct netns_config now = config();
	const struct watch_options options = {
	    .version = "1", .interval_ms = 300, .sink = note};
	static char screen[16384];
	int master = open_terminal();
	ssize_t n;

	fake_host_set_bytes(FAKE_HOME, 100);
	fake_host[FAKE_HOME].kernel.during = fail_from_now_on;
	fake_host_wake(FAKE_HOME); /* events do not wait for the next poll */
	log_enable_topic("poll");  /* which is not shown */
	log_set_sink(note);
	alarm(1);
	ck_assert_int_eq(watch_run(&fake_opener, &paths, &now, &options), 0);
	ck_assert_int_eq(level_later, LOG_NOTICE);
	ck_assert_ptr_nonnull(strstr(logged_later, FAILURE));
	n = read(master, screen, sizeof(screen) - 1);
	ck_assert_int_gt(n, 0);
	ck_assert_ptr_nonnull(strstr(screen, FAILURE));
	ck_assert_ptr_null(strstr(screen, "poll: "));
	close(master);
}

TEST(a_view_that_cannot_begin)
{
	const struct netns_paths paths = {.netns_dir = netns_dir};
	const struct netns_config now = config();
	const struct watch_options options = {.version = "1", .interval_ms = 300};

	fake_host[FAKE_HOME].open_error = -EPROTONOSUPPORT;
	ck_assert_int_eq(watch_run(&fake_opener, &paths, &now, &options),
			 -EPROTONOSUPPORT);
	ck_assert_uint_eq(logged("this kernel has no IPsec"), 1);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/netns_member.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kept_log.h"
#include "runner.h"

static struct netns_log netns_log;

static void setup(void)
{
	kept_log_begin();
	netns_log_init(&netns_log, "blue");
}

static void teardown(void)
{
	kept_log_end();
}

CHAPTER(setup, teardown);

TEST(each_reason_for_no_kernel_has_a_remedy)
{
	static const struct {
		int err;
		const char *part;
	} rows[] = {
	    {-EPERM, "CAP_NET_ADMIN: run as root"},
	    {-EPROTONOSUPPORT, "this kernel has no IPsec (CONFIG_XFRM_USER)"},
	    {-EOPNOTSUPP, "install the 64-bit qmipsecd"},
	    {-EMFILE, "cannot open the kernel's XFRM: Too many open files"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		netns_log_no_kernel(rows[i].err);
		check_log(i + 1, rows[i].part);
	}
}

TEST(a_state_file_that_cannot_be_read_is_named)
{
	netns_log_state(&netns_log, "/run/q", "state", -ENOENT);
	check_log(0, "");
	netns_log_state(&netns_log, "/run/q", "state", -EIO);
	check_log(1, "/run/q/state: Input/output error: counters begin at 0");
	netns_log_state(&netns_log, "/run/q", "state", -EBADMSG);
	check_log(2, "/run/q/state is damaged");
	netns_log_state(&netns_log, "/run/q", "state", -ESTALE);
	check_log(3, "namespace blue: the saved state is of another boot");
}

/* For the own namespace the message has said it already. */
TEST(a_borrowed_state_without_permission_is_logged_for_the_own_namespace_only)
{
	netns_log_borrowed_state(&netns_log, "/run/q", "state.blue", -EACCES);
	netns_log_borrowed_state(&netns_log, "/run/q", "state.blue", -EPERM);
	check_log(0, "");
	netns_log_init(&netns_log, "");
	netns_log_borrowed_state(&netns_log, "/run/q", "state", -EACCES);
	check_log(1, "/run/q/state: Permission denied: only what the kernel has now");
}

static void poll_with(int err, size_t n_skipped)
{
	const struct collector_status status = {
	    .xfrm_stat = {.err = err, .n_skipped = n_skipped}};

	netns_log_poll(&netns_log, &status);
}

TEST(each_fault_of_the_error_counters_is_logged_once)
{
	poll_with(0, 0);
	check_log(0, "");
	poll_with(-EIO, 0);
	poll_with(-EIO, 0);
	check_log(1, "cannot read /proc/net/xfrm_stat: Input/output error");
	poll_with(-EBADMSG, 0);
	check_log(2, "lacks XfrmInNoStates or XfrmInStateProtoError");
	poll_with(-ENOENT, 0);
	check_log(3, "no /proc/net/xfrm_stat");
	poll_with(0, 0);
	poll_with(0, 0);
	check_log(4, "can be read again");
	poll_with(0, 2);
	poll_with(0, 2);
	check_log(5, "skipped 2 lines of /proc/net/xfrm_stat");
}

TEST(an_hba_without_a_row_is_logged_until_all_have_one)
{
	struct collector_status status = {
	    .room = {.max_rows = 9, .n_refused = 3, .refused = "tcp:eth1"}};

	netns_log_poll(&netns_log, &status);
	netns_log_poll(&netns_log, &status);
	check_log(1, "namespace blue: no row for \"tcp:eth1\" and 2 more HBAs: all 9");
	status.room.n_refused = 0;
	netns_log_poll(&netns_log, &status);
	netns_log_poll(&netns_log, &status);
	check_log(2, "namespace blue: all HBAs have a row again");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/systemd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runner.h"

static void clear(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

CHAPTER(clear, clear);

TEST(a_state_is_one_datagram)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char name[40];
	char said[100] = "";

	/* an abstract name, which a file of that name would not be */
	snprintf(name, sizeof(name), "@check_systemd-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	ck_assert_int_eq(
	    bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
	    0);
	systemd_notify("READY=1\nSTATUS=two lines");
	ck_assert_int_gt(recv(fd, said, sizeof(said) - 1, MSG_DONTWAIT), 0);
	ck_assert_str_eq(said, "READY=1\nSTATUS=two lines");
	close(fd);
	systemd_notify("nobody listens");
}

TEST(without_systemd_nothing_happens)
{
	char endless[300];

	systemd_notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	systemd_notify("READY=1");
	memset(endless, '/', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	setenv("NOTIFY_SOCKET", endless, 1);
	systemd_notify("READY=1");
	ck_assert_uint_eq(systemd_watchdog_usec(), 0);
}

TEST(the_watchdog_of_this_process)
{
	char pid[20];

	setenv("WATCHDOG_USEC", "30000000", 1);
	ck_assert_uint_eq(systemd_watchdog_usec(), 30000000);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	ck_assert_uint_eq(systemd_watchdog_usec(), 30000000);
	setenv("WATCHDOG_PID", "1", 1);
	ck_assert_uint_eq(systemd_watchdog_usec(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "soon", 1);
	ck_assert_uint_eq(systemd_watchdog_usec(), 0);
	setenv("WATCHDOG_USEC", "-1", 1);
	ck_assert_uint_eq(systemd_watchdog_usec(), 0);
}

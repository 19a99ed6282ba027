/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of a poll: what the kernel and the system calls cost without a reader that
 * looks at anything. For each line on stdin it reads xfrm_stat, receives a dump of the
 * SAD in pieces of 32 KiB, both as the daemon does, and answers with an empty line. The
 * order matters: whichever walks the SAs first in the kernel waits for the memory.
 */
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECE = 32 * 1024,
	DONE_SIZE = NLMSG_HDRLEN + sizeof(int),
};

static char piece[PIECE];

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static int open_xfrm(void)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		fail("NETLINK_XFRM");
	return fd;
}

static bool is_done(const char *at)
{
	struct nlmsghdr nlh;

	memcpy(&nlh, at, sizeof(nlh));
	return nlh.nlmsg_type == NLMSG_DONE && nlh.nlmsg_len == DONE_SIZE;
}

/* The end of a dump is the last message of a datagram, alone or behind others
 * (netlink_dump). */
static bool ends(ssize_t len)
{
	const struct nlmsghdr *first = (const void *)piece;

	if (len < DONE_SIZE || first->nlmsg_type == NLMSG_ERROR)
		fail("dump");
	return is_done(piece + len - DONE_SIZE);
}

static void drain(int fd)
{
	const struct nlmsghdr request = {.nlmsg_len = sizeof(request),
					 .nlmsg_type = XFRM_MSG_GETSA,
					 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};

	if (send(fd, &request, sizeof(request), 0) < 0)
		fail("GETSA");
	while (!ends(recv(fd, piece, sizeof(piece), 0)))
		;
}

int main(void)
{
	int stat = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);
	int fd = open_xfrm();
	char line[16];

	if (stat < 0)
		fail("xfrm_stat");
	while (read(STDIN_FILENO, line, sizeof(line)) > 0) {
		if (pread(stat, piece, sizeof(piece), 0) < 0)
			fail("xfrm_stat");
		drain(fd);
		if (write(STDOUT_FILENO, "\n", 1) != 1)
			fail("stdout");
	}
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netlink_socket.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

int netlink_socket_open(int protocol, int flags, struct mnl_socket **ret)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct mnl_socket *socket = mnl_socket_open2(protocol, SOCK_CLOEXEC | flags);

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    connect(mnl_socket_get_fd(socket), (const struct sockaddr *)&kernel,
		    sizeof(kernel)) < 0) {
		int err = -errno;

		mnl_socket_close(socket);
		return err;
	}
	*ret = socket;
	return 0;
}

void netlink_socket_close(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
	*socket = NULL;
}

int netlink_socket_join(struct mnl_socket *socket, const int *groups, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

void netlink_socket_set_rcvbuf(struct mnl_socket *socket, size_t bytes)
{
	int fd = mnl_socket_get_fd(socket);
	int size = (int)bytes;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int netlink_socket_set_timeout(struct mnl_socket *socket, unsigned seconds)
{
	const struct timeval timeout = {.tv_sec = seconds};

	return setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
			  sizeof(timeout)) < 0
		   ? -errno
		   : 0;
}

static bool is_from_kernel(const struct msghdr *msg)
{
	const struct sockaddr_nl *sender = msg->msg_name;

	return msg->msg_namelen == sizeof(*sender) && sender->nl_family == AF_NETLINK &&
	       sender->nl_pid == 0;
}

ssize_t netlink_socket_receive(const struct mnl_socket *socket, void *buffer,
			       size_t size)
{
	struct iovec iov = {.iov_base = buffer, .iov_len = size};
	struct sockaddr_nl sender;
	struct msghdr msg;
	ssize_t len;

	do {
		msg = (struct msghdr){.msg_name = &sender,
				      .msg_namelen = sizeof(sender),
				      .msg_iov = &iov,
				      .msg_iovlen = 1};
		len = recvmsg(mnl_socket_get_fd(socket), &msg, MSG_TRUNC);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (is_from_kernel(&msg) && (size_t)len <= size)
		return len;
	explicit_bzero(buffer, size);
	return is_from_kernel(&msg) ? -ENOSPC : -EREMOTE;
}

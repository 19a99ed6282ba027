/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "kernel/message.h"
#include "util/clock.h"

enum {
	/* A dump of 100,000 SAs takes 20 ms; each read of it far less. */
	READ_TIMEOUT_S = 2,
	ANSWER_TIMEOUT_S = 10,
	/* Reads of an answer between two looks at the clock, which is a system call on
	 * some machines (a virtual one without a clock of its own, User-mode Linux).
	 * Without data a read ends by its own timeout. */
	CLOCK_READS = 16,
};

/* Closes the socket of which an operation has failed. Returns -errno of that. */
static int fail(int fd)
{
	int err = -errno;

	close(fd);
	return err;
}

static int open_socket(int protocol, int flags)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);

	if (fd < 0)
		return -errno;
	/* this also gives the socket a port (netlink_autobind) */
	return connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0
		   ? fail(fd)
		   : fd;
}

int netlink_open_events(int protocol, const int *groups, size_t n, size_t rcvbuf)
{
	int fd = open_socket(protocol, SOCK_NONBLOCK);
	int size = (int)rcvbuf;

	if (fd < 0)
		return fd;
	if (size && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (size_t i = 0; i < n; i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return fail(fd);
	return fd;
}

int netlink_open_requests(int protocol)
{
	const struct timeval timeout = {.tv_sec = READ_TIMEOUT_S};
	int fd = open_socket(protocol, 0);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return fd;
}

ssize_t netlink_receive(int socket, void *buffer, size_t size)
{
	struct iovec iov = {.iov_base = buffer, .iov_len = size};
	struct sockaddr_nl sender = {0};
	struct msghdr msg = {.msg_name = &sender,
			     .msg_namelen = sizeof(sender),
			     .msg_iov = &iov,
			     .msg_iovlen = 1};
	bool is_from_kernel;
	ssize_t len;

	do
		len = recvmsg(socket, &msg, MSG_TRUNC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;
	is_from_kernel = msg.msg_namelen == sizeof(sender) &&
			 sender.nl_family == AF_NETLINK && sender.nl_pid == 0;
	if (is_from_kernel && (size_t)len <= size)
		return len;
	explicit_bzero(buffer, size);
	return is_from_kernel ? -ENOSPC : -EREMOTE;
}

/* Reads the status of NLMSG_DONE, or the first member of struct nlmsgerr. */
static int read_status(const struct nlmsghdr *nlh)
{
	int status = 0;

	if (message_get_header(nlh, &status, sizeof(status)) < 0)
		return nlh->nlmsg_type == NLMSG_ERROR ? -EBADMSG : 0;
	return status < 0 ? status : 0;
}

static int read_answer(struct netlink_reader *reader, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != reader->seq)
		return 0; /* the rest of an earlier dump */
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR; /* NLMSG_DONE may have the flag, too */
	if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
		reader->ended = true;
		return read_status(nlh);
	}
	reader->n_answers++;
	reader->ended = !reader->is_dump;
	return reader->cb(reader->ctx, nlh);
}

static int read_batch(struct netlink_reader *reader, size_t len)
{
	struct message_batch batch = {reader->buffer, len};
	const struct nlmsghdr *nlh;
	int ret = 0;

	while (!ret && !reader->ended && (nlh = message_next(&batch)))
		ret = read_answer(reader, nlh);
	return ret || reader->ended || !batch.left ? ret : -EBADMSG;
}

/* Gives the length of the longest datagram, which the buffer still contains. */
static int read_answers(int socket, struct netlink_reader *reader, size_t *ret_longest)
{
	uint64_t deadline = clock_now_ns() + ANSWER_TIMEOUT_S * NS_PER_S;
	int ret = 0;

	for (unsigned i = 1; !ret && !reader->ended; i++) {
		ssize_t len = netlink_receive(socket, reader->buffer, reader->size);

		if (len > 0 && (size_t)len > *ret_longest)
			*ret_longest = (size_t)len;
		if (len == 0 || (i % CLOCK_READS == 0 && clock_now_ns() > deadline))
			return -ETIMEDOUT;
		if (len == -EREMOTE)
			continue;
		if (len < 0)
			return (int)len;
		ret = read_batch(reader, (size_t)len);
	}
	return ret;
}

int netlink_request(int *socket, const struct nlmsghdr *request,
		    struct netlink_reader *reader)
{
	size_t longest = 0;
	int ret;

	reader->seq = request->nlmsg_seq;
	reader->is_dump = request->nlmsg_flags & NLM_F_DUMP;
	if (send(*socket, request, request->nlmsg_len, 0) < 0)
		ret = -errno;
	else
		ret = read_answers(*socket, reader, &longest);
	explicit_bzero(reader->buffer, longest);
	if (ret && !reader->ended) {
		close(*socket);
		*socket = -1;
	}
	return ret;
}

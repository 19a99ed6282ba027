/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netlink_request.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/message.h"
#include "util/clock.h"

enum {
	/* A dump of 100,000 SAs takes 20 ms; each read of it far less. */
	READ_TIMEOUT_S = 2,
	ANSWER_TIMEOUT_S = 10,
};

int netlink_request_open(int protocol, struct mnl_socket **ret)
{
	struct mnl_socket *socket;
	int err = netlink_socket_open(protocol, 0, &socket);

	if (err)
		return err;
	err = netlink_socket_set_timeout(socket, READ_TIMEOUT_S);
	if (err)
		netlink_socket_close(&socket);
	else
		*ret = socket;
	return err;
}

/* What ends the answers: NLMSG_DONE, NLMSG_ERROR, which acknowledges if its error is 0,
 * or the only answer. */
struct end {
	uint32_t seq;
	bool dump;
	bool reached;
};

/* The status of NLMSG_DONE, and the first member of struct nlmsgerr. */
static int read_status(const struct nlmsghdr *nlh)
{
	int status = 0;

	if (message_get_header(nlh, &status, sizeof(status)) < 0)
		return nlh->nlmsg_type == NLMSG_ERROR ? -EBADMSG : 0;
	return status < 0 ? status : 0;
}

static int read_answer(struct netlink_reader *reader, const struct nlmsghdr *nlh,
		       struct end *end)
{
	if (nlh->nlmsg_seq != end->seq)
		return 0; /* the rest of a dump given up */
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR; /* the end itself may say so, too */
	if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
		end->reached = true;
		return read_status(nlh);
	}
	reader->n_answers++;
	end->reached = !end->dump;
	return reader->cb(reader->ctx, nlh);
}

static int read_batch(struct netlink_reader *reader, size_t len, struct end *end)
{
	struct message_batch batch = {reader->buffer, len};
	const struct nlmsghdr *nlh;
	int ret = 0;

	while (!ret && !end->reached && (nlh = message_next(&batch)))
		ret = read_answer(reader, nlh, end);
	return ret || end->reached || !batch.left ? ret : -EBADMSG;
}

static int read_answers(const struct mnl_socket *socket, struct netlink_reader *reader,
			struct end *end)
{
	uint64_t deadline = clock_now_ns() + ANSWER_TIMEOUT_S * UINT64_C(1000000000);
	int ret = 0;

	while (!ret && !end->reached) {
		ssize_t len =
		    netlink_socket_receive(socket, reader->buffer, reader->size);

		if (len == 0 || clock_now_ns() > deadline)
			return -ETIMEDOUT;
		if (len == -EREMOTE)
			continue;
		if (len < 0)
			return (int)len;
		ret = read_batch(reader, (size_t)len, end);
		explicit_bzero(reader->buffer, (size_t)len);
	}
	return ret;
}

int netlink_request(struct mnl_socket **socket, const struct nlmsghdr *request,
		    struct netlink_reader *reader)
{
	struct end end = {.seq = request->nlmsg_seq,
			  .dump = request->nlmsg_flags & NLM_F_DUMP};
	int ret = 0;

	if (mnl_socket_sendto(*socket, request, request->nlmsg_len) < 0)
		ret = -errno;
	else
		ret = read_answers(*socket, reader, &end);
	if (ret && !end.reached)
		netlink_socket_close(socket);
	return ret;
}

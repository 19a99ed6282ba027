/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/route_lookup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"

enum {
	/* A route with all its attributes and next hops takes some hundred bytes; what
	 * follows in a longer answer does not matter here. */
	ANSWER_SIZE = 1024,
	/* Datagrams that are skipped before the answer. */
	MAX_OTHERS = 64,
};

static int send_request(const struct mnl_socket *socket, uint32_t seq, uint16_t family,
			const struct in6_addr *addr, uint32_t mark)
{
	size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(*addr);
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct rtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	msg->rtm_family = (unsigned char)family;
	msg->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(nlh, RTA_DST, size, addr);
	if (mark)
		mnl_attr_put_u32(nlh, RTA_MARK, mark);
	return mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* fib_lookup() says by an error that there is no route, or that it is one of type
 * unreachable, prohibit or blackhole; a kernel without IPv6, that it has no routes of
 * that family at all (rtnetlink_rcv_msg). */
static int read_error(int error, uint8_t *ret_type)
{
	switch (error) {
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EACCES:
	case -EINVAL:
	case -EAFNOSUPPORT:
	case -EOPNOTSUPP:
		*ret_type = RTN_UNREACHABLE;
		return 0;
	}
	return error < 0 ? error : -EBADMSG;
}

/* buffer: of which len bytes were read. Returns 1 if the message is not the answer. */
static int read_answer(const char *buffer, size_t len, uint32_t seq, uint8_t *ret_type)
{
	const struct nlmsghdr *nlh = (const void *)buffer;
	struct nlmsgerr error;
	struct rtmsg msg;

	if (len < sizeof(*nlh) || nlh->nlmsg_seq != seq)
		return 1;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (len < sizeof(*nlh) + sizeof(error) ||
		    message_get_header(nlh, &error, sizeof(error)) < 0)
			return -EBADMSG;
		return read_error(error.error, ret_type);
	}
	if (nlh->nlmsg_type != RTM_NEWROUTE || len < sizeof(*nlh) + sizeof(msg) ||
	    message_get_header(nlh, &msg, sizeof(msg)) < 0)
		return -EBADMSG;
	*ret_type = msg.rtm_type;
	return 0;
}

int route_lookup_type(const struct mnl_socket *socket, uint32_t seq, uint16_t family,
		      const struct in6_addr *addr, uint32_t mark, uint8_t *ret_type)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_SIZE];
	int ret = send_request(socket, seq, family, addr, mark);

	if (ret)
		return ret;
	for (int i = 0; i < MAX_OTHERS; i++) {
		ssize_t len = netlink_socket_receive(socket, buffer, sizeof(buffer));

		if (len == -EREMOTE)
			continue;
		if (len <= 0)
			return len ? (int)len : -ETIMEDOUT;
		if (len > ANSWER_SIZE)
			len = ANSWER_SIZE; /* what was read of it */
		ret = read_answer(buffer, (size_t)len, seq, ret_type);
		if (ret <= 0)
			return ret;
	}
	return -ETIMEDOUT;
}

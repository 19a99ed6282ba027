/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/route_lookup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"
#include "kernel/netlink_request.h"

/* A lookup under way. The kernel's answer is at most NLMSG_GOODSIZE long. */
struct lookup {
	_Alignas(struct nlmsghdr) char buffer[8192];
	struct nlmsghdr *nlh;
	struct rtmsg *msg;
	size_t addr_size;
};

static void begin(struct lookup *lookup, uint32_t seq, uint16_t family,
		  const struct in6_addr *remote)
{
	size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(*remote);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(lookup->buffer);

	lookup->nlh = nlh;
	lookup->msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*lookup->msg));
	lookup->addr_size = size;
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	lookup->msg->rtm_family = (unsigned char)family;
	lookup->msg->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(nlh, RTA_DST, size, remote);
}

static int finish(struct lookup *lookup, struct mnl_socket **socket,
		  kernel_message_cb cb, void *ctx)
{
	struct netlink_reader reader = {.cb = cb,
					.ctx = ctx,
					.buffer = lookup->buffer,
					.size = sizeof(lookup->buffer)};

	return netlink_request(socket, lookup->nlh, &reader);
}

/* fib_lookup() says by an error that there is no route, or that it is one of type
 * unreachable, prohibit or blackhole; a kernel without IPv6, that it has no routes of
 * that family at all (rtnetlink_rcv_msg). */
static bool means_unreachable(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES ||
	       err == -EINVAL || err == -EAFNOSUPPORT || err == -EOPNOTSUPP;
}

static int read_type(void *ctx, const struct nlmsghdr *nlh)
{
	struct rtmsg msg;
	uint8_t *type = ctx;

	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    message_get_header(nlh, &msg, sizeof(msg)) < 0)
		return -EBADMSG;
	*type = msg.rtm_type;
	return 0;
}

int route_lookup_type(struct mnl_socket **socket, uint32_t seq, uint16_t family,
		      const struct in6_addr *addr, uint32_t mark, uint8_t *ret_type)
{
	struct lookup lookup;
	int err;

	begin(&lookup, seq, family, addr);
	if (mark)
		mnl_attr_put_u32(lookup.nlh, RTA_MARK, mark);
	err = finish(&lookup, socket, read_type, ret_type);
	if (!*socket || !means_unreachable(err))
		return err;
	*ret_type = RTN_UNREACHABLE;
	return 0;
}

static int read_interface(void *ctx, const struct nlmsghdr *nlh)
{
	return route_interface(nlh, ctx);
}

int route_lookup_interface(struct mnl_socket **socket, uint32_t seq, uint16_t family,
			   const struct in6_addr *local, const struct in6_addr *remote,
			   uint32_t bound, uint32_t *ret_if_index)
{
	struct lookup lookup;

	begin(&lookup, seq, family, remote);
	if (!IN6_IS_ADDR_UNSPECIFIED(local)) {
		lookup.msg->rtm_src_len = lookup.msg->rtm_dst_len;
		mnl_attr_put(lookup.nlh, RTA_SRC, lookup.addr_size, local);
	}
	if (bound)
		mnl_attr_put_u32(lookup.nlh, RTA_OIF, bound);
	return finish(&lookup, socket, read_interface, ret_if_index);
}

struct route_reader {
	uint32_t if_index;
	bool found;
};

static int read_attr(void *ctx, const struct nlattr *attr)
{
	struct route_reader *reader = ctx;
	int err;

	if (mnl_attr_get_type(attr) != RTA_OIF)
		return 0;
	err = message_get_attr(attr, &reader->if_index, sizeof(reader->if_index));
	reader->found = !err;
	return err;
}

int route_interface(const struct nlmsghdr *nlh, uint32_t *ret_if_index)
{
	struct route_reader reader = {.found = false};
	int err;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return -ENOENT;
	err = message_for_each_attr(nlh, sizeof(struct rtmsg), read_attr, &reader);
	if (!err && !reader.found)
		err = -ENOENT;
	if (!err)
		*ret_if_index = reader.if_index;
	return err;
}

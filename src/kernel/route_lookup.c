/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/route_lookup.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"
#include "kernel/netlink.h"

/* fib_lookup() returns an error if there is no route, or one of type unreachable,
 * prohibit or blackhole; a kernel without IPv6 has no routes of that family at all
 * (rtnetlink_rcv_msg). */
static bool means_unreachable(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES ||
	       err == -EINVAL || err == -EAFNOSUPPORT || err == -EOPNOTSUPP;
}

int route_look_up(int *socket, uint32_t seq, const struct route_query *query,
		  struct route *ret)
{
	_Alignas(struct nlmsghdr) char buffer[8192]; /* NLMSG_GOODSIZE at most */
	struct netlink_reader reader = {
	    .cb = route_read, .ctx = ret, .buffer = buffer, .size = sizeof(buffer)};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct rtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));
	size_t size =
	    query->family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	int err;

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	msg->rtm_family = (unsigned char)query->family;
	msg->rtm_dst_len = (unsigned char)(size * 8);
	mnl_attr_put(nlh, RTA_DST, size, query->remote);
	if (query->local && !IN6_IS_ADDR_UNSPECIFIED(query->local)) {
		msg->rtm_src_len = msg->rtm_dst_len;
		mnl_attr_put(nlh, RTA_SRC, size, query->local);
	}
	if (query->bound)
		mnl_attr_put_u32(nlh, RTA_OIF, query->bound);
	if (query->mark)
		mnl_attr_put_u32(nlh, RTA_MARK, query->mark);
	err = netlink_request(socket, nlh, &reader);
	if (*socket < 0 || !means_unreachable(err))
		return err;
	*ret = (struct route){.type = RTN_UNREACHABLE};
	return 0;
}

int route_read(void *ret, const struct nlmsghdr *nlh)
{
	const struct nlattr *attrs[RTA_OIF + 1];
	struct rtmsg msg;
	struct route route = {0};

	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    message_get_header(nlh, &msg, sizeof(msg)) < 0 ||
	    message_find_attrs(nlh, sizeof(msg), attrs, RTA_OIF + 1) < 0 ||
	    !message_copy_attr(attrs[RTA_OIF], &route.if_index, sizeof(route.if_index)))
		return -EBADMSG;
	route.type = msg.rtm_type;
	*(struct route *)ret = route;
	return 0;
}

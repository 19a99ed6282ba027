/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

int message_get_header(const struct nlmsghdr *nlh, void *ret, size_t size)
{
	if (nlh->nlmsg_len < sizeof(*nlh) + size)
		return -EBADMSG;
	memcpy(ret, mnl_nlmsg_get_payload(nlh), size);
	return 0;
}

static int for_each(const struct nlattr *attr, const char *end,
		    int (*cb)(void *ctx, const struct nlattr *attr), void *ctx)
{
	while (mnl_attr_ok(attr, (int)(end - (const char *)attr))) {
		int ret = cb(ctx, attr);

		if (ret)
			return ret;
		attr = mnl_attr_next(attr);
	}
	return end - (const char *)attr >= (ptrdiff_t)sizeof(*attr) ? -EBADMSG : 0;
}

int message_for_each_attr(const struct nlmsghdr *nlh, size_t header,
			  int (*cb)(void *ctx, const struct nlattr *attr), void *ctx)
{
	if (nlh->nlmsg_len < sizeof(*nlh) + header)
		return -EBADMSG;
	return for_each(mnl_nlmsg_get_payload_offset(nlh, header),
			(const char *)nlh + nlh->nlmsg_len, cb, ctx);
}

int message_for_each_nested(const struct nlattr *nest,
			    int (*cb)(void *ctx, const struct nlattr *attr), void *ctx)
{
	const char *start = mnl_attr_get_payload(nest);

	return for_each((const struct nlattr *)(const void *)start,
			start + mnl_attr_get_payload_len(nest), cb, ctx);
}

int message_get_attr(const struct nlattr *attr, void *ret, size_t size)
{
	if (mnl_attr_get_payload_len(attr) < size)
		return -EBADMSG;
	memcpy(ret, mnl_attr_get_payload(attr), size);
	return 0;
}

void message_copy_addr(struct in6_addr *to, const void *from, uint16_t family)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, family == AF_INET ? sizeof(struct in_addr) : sizeof(*to));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/message.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include <libmnl/libmnl.h>

/* The bytes that size bytes take, with the padding as far as there is any. */
static size_t step(size_t size, size_t left)
{
	size_t aligned = NLMSG_ALIGN(size);

	return aligned < left ? aligned : left;
}

const struct nlmsghdr *message_next(struct message_batch *batch)
{
	const struct nlmsghdr *nlh = batch->at;
	size_t taken;

	if (batch->left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > batch->left)
		return NULL;
	taken = step(nlh->nlmsg_len, batch->left);
	batch->at = (const char *)batch->at + taken;
	batch->left -= taken;
	return nlh;
}

int message_get_header(const struct nlmsghdr *nlh, void *ret, size_t size)
{
	if (nlh->nlmsg_len < sizeof(*nlh) + size)
		return -EBADMSG;
	memcpy(ret, mnl_nlmsg_get_payload(nlh), size);
	return 0;
}

/* left: the bytes from at on */
static int for_each(const char *at, size_t left,
		    int (*cb)(void *ctx, const struct nlattr *attr), void *ctx)
{
	while (left >= sizeof(struct nlattr)) {
		const struct nlattr *attr = (const void *)at;
		int ret;

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > left)
			return -EBADMSG;
		ret = cb(ctx, attr);
		if (ret)
			return ret;
		at += step(attr->nla_len, left);
		left -= step(attr->nla_len, left);
	}
	return 0;
}

int message_for_each_attr(const struct nlmsghdr *nlh, size_t header,
			  int (*cb)(void *ctx, const struct nlattr *attr), void *ctx)
{
	size_t start = sizeof(*nlh) + header;

	if (nlh->nlmsg_len < start)
		return -EBADMSG;
	start = step(start, nlh->nlmsg_len);
	return for_each((const char *)nlh + start, nlh->nlmsg_len - start, cb, ctx);
}

int message_for_each_nested(const struct nlattr *nest,
			    int (*cb)(void *ctx, const struct nlattr *attr), void *ctx)
{
	return for_each(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), cb,
			ctx);
}

int message_get_attr(const struct nlattr *attr, void *ret, size_t size)
{
	if (mnl_attr_get_payload_len(attr) < size)
		return -EBADMSG;
	memcpy(ret, mnl_attr_get_payload(attr), size);
	return 0;
}

int message_get_mark(const struct nlattr *attr, uint32_t *ret_mark, uint32_t *ret_mask)
{
	struct xfrm_mark mark;
	int err = message_get_attr(attr, &mark, sizeof(mark));

	if (err)
		return err;
	*ret_mark = mark.v;
	*ret_mask = mark.m;
	return 0;
}

void message_copy_addr(struct in6_addr *to, const void *from, uint16_t family)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, from, family == AF_INET ? sizeof(struct in_addr) : sizeof(*to));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/message.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>

/* size bytes and their padding, but no more than are left. */
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

/* left: bytes from `at` on. */
static int find_attrs(const char *at, size_t left, const struct nlattr *attrs[],
		      size_t n)
{
	memset(attrs, 0, n * sizeof(*attrs));
	while (left >= sizeof(struct nlattr)) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > left)
			return -EBADMSG;
		if ((attr->nla_type & NLA_TYPE_MASK) < n)
			attrs[attr->nla_type & NLA_TYPE_MASK] = attr;
		at += step(attr->nla_len, left);
		left -= step(attr->nla_len, left);
	}
	return 0;
}

int message_find_attrs(const struct nlmsghdr *nlh, size_t header,
		       const struct nlattr *attrs[], size_t n)
{
	size_t start = sizeof(*nlh) + header;

	if (nlh->nlmsg_len < start)
		return -EBADMSG;
	start = step(start, nlh->nlmsg_len);
	return find_attrs((const char *)nlh + start, nlh->nlmsg_len - start, attrs, n);
}

int message_find_nested(const struct nlattr *nest, const struct nlattr *attrs[],
			size_t n)
{
	size_t left = nest ? mnl_attr_get_payload_len(nest) : 0;

	return find_attrs(nest ? mnl_attr_get_payload(nest) : NULL, left, attrs, n);
}

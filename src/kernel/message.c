/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/message.h"

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

/* Returns the next attribute, or NULL if the bytes that are left are padding or
 * malformed. */
static const struct nlattr *next_attr(struct message_batch *rest)
{
	const struct nlattr *attr = rest->at;

	if (rest->left < sizeof(*attr) || attr->nla_len < sizeof(*attr) ||
	    attr->nla_len > rest->left)
		return NULL;
	message_skip(rest, attr->nla_len);
	return attr;
}

static int find_attrs(struct message_batch rest, const struct nlattr *attrs[], size_t n)
{
	const struct nlattr *attr;

	memset(attrs, 0, n * sizeof(*attrs));
	while ((attr = next_attr(&rest)))
		if ((attr->nla_type & NLA_TYPE_MASK) < n)
			attrs[attr->nla_type & NLA_TYPE_MASK] = attr;
	return rest.left < sizeof(*attr) ? 0 : -EBADMSG;
}

/* What is behind the fixed header, which the message has. */
static struct message_batch behind(const struct nlmsghdr *nlh, size_t header)
{
	struct message_batch rest = {nlh, nlh->nlmsg_len};

	message_skip(&rest, sizeof(*nlh) + header);
	return rest;
}

int message_find_attrs(const struct nlmsghdr *nlh, size_t header,
		       const struct nlattr *attrs[], size_t n)
{
	return nlh->nlmsg_len < sizeof(*nlh) + header
		   ? -EBADMSG
		   : find_attrs(behind(nlh, header), attrs, n);
}

int message_find_nested(const struct nlattr *nest, const struct nlattr *attrs[],
			size_t n)
{
	struct message_batch rest = {NULL, 0};

	if (nest)
		rest = (struct message_batch){mnl_attr_get_payload(nest),
					      mnl_attr_get_payload_len(nest)};
	return find_attrs(rest, attrs, n);
}

void message_note_layout(const struct nlmsghdr *nlh, size_t header,
			 struct message_layout *ret)
{
	struct message_batch rest = behind(nlh, header);
	const struct nlattr *attr;
	uint32_t n = 0;

	ret->len = 0;
	for (; (attr = next_attr(&rest)); n++) {
		if (n == MESSAGE_LAYOUT_MAX)
			return;
		ret->places[n].at = (uint32_t)((const char *)attr - (const char *)nlh);
		ret->places[n].attr = *attr;
	}
	ret->len = nlh->nlmsg_len;
	ret->n = n;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"
#include "util/array.h"

struct reader {
	struct link link;
	bool is_xfrm;
	bool is_vti;
	const struct nlattr *data; /* IFLA_INFO_DATA, which stands after the kind */
};

static bool is_kind(const struct nlattr *attr, const char *kind)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const char *text = mnl_attr_get_payload(attr);

	return strnlen(text, len) == strlen(kind) && !memcmp(text, kind, strlen(kind));
}

static int read_info(void *ctx, const struct nlattr *attr)
{
	struct reader *reader = ctx;

	switch (mnl_attr_get_type(attr)) {
	case IFLA_INFO_KIND:
		reader->is_xfrm = is_kind(attr, "xfrm");
		reader->is_vti = is_kind(attr, "vti") || is_kind(attr, "vti6");
		break;
	case IFLA_INFO_DATA:
		reader->data = attr;
		break;
	}
	return 0;
}

static int read_key(const struct nlattr *attr, uint32_t *ret)
{
	int err = message_get_attr(attr, ret, sizeof(*ret));

	*ret = err ? 0 : ntohl(*ret);
	return err;
}

static int read_data(void *ctx, const struct nlattr *attr)
{
	struct reader *reader = ctx;
	uint16_t type = mnl_attr_get_type(attr);

	if (reader->is_xfrm && type == IFLA_XFRM_IF_ID)
		return message_get_attr(attr, &reader->link.if_id,
					sizeof(reader->link.if_id));
	if (reader->is_vti && type == IFLA_VTI_OKEY)
		return read_key(attr, &reader->link.out_mark);
	if (reader->is_vti && type == IFLA_VTI_IKEY)
		return read_key(attr, &reader->link.in_mark);
	return 0;
}

static int read_attr(void *ctx, const struct nlattr *attr)
{
	struct reader *reader = ctx;
	int err;

	if (mnl_attr_get_type(attr) != IFLA_LINKINFO)
		return 0;
	err = message_for_each_nested(attr, read_info, reader);
	if (!err && reader->data)
		err = message_for_each_nested(reader->data, read_data, reader);
	return err;
}

int links_add(struct links *links, const struct nlmsghdr *nlh)
{
	struct reader reader = {.data = NULL};
	struct ifinfomsg msg;
	int err;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	err = message_get_header(nlh, &msg, sizeof(msg));
	if (!err)
		err = message_for_each_attr(nlh, sizeof(msg), read_attr, &reader);
	if (err || !(reader.link.if_id || reader.link.out_mark || reader.link.in_mark))
		return err;
	reader.link.if_index = (uint32_t)msg.ifi_index;
	if (array_reserve(&links->links, links->n, 1) < 0)
		return -ENOMEM;
	links->links[links->n++] = reader.link;
	return 0;
}

const struct link *links_find(const struct links *links, uint32_t if_index)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->links[i].if_index == if_index)
			return &links->links[i];
	return NULL;
}

void links_free(struct links *links)
{
	free(links->links);
	*links = (struct links){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"
#include "util/array.h"

/* Addresses. */

static int compare(const void *left, const void *right)
{
	const struct local_addr *a = left;
	const struct local_addr *b = right;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static int compare_with_interface(const void *left, const void *right)
{
	const struct local_addr *a = left;
	const struct local_addr *b = right;
	int order = compare(a, b);

	return order ? order
		     : (a->if_index > b->if_index) - (a->if_index < b->if_index);
}

int local_addrs_add(struct local_addrs *addrs, const struct nlmsghdr *nlh)
{
	const struct nlattr *attrs[IFA_LOCAL + 1];
	struct local_addr local = {0};
	const struct nlattr *attr;
	struct ifaddrmsg msg;
	int err;

	if (nlh->nlmsg_type != RTM_NEWADDR)
		return 0;
	err = message_get_header(nlh, &msg, sizeof(msg));
	if (err || (msg.ifa_family != AF_INET && msg.ifa_family != AF_INET6))
		return err;
	err = message_find_attrs(nlh, sizeof(msg), attrs, IFA_LOCAL + 1);
	if (err)
		return err;
	/* on a point-to-point link IFA_ADDRESS is the peer's address */
	attr = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (!attr)
		return 0;
	local.family = msg.ifa_family;
	local.if_index = msg.ifa_index;
	if (!message_copy_attr(attr, &local.addr,
			       local.family == AF_INET ? sizeof(struct in_addr)
						       : sizeof(struct in6_addr)))
		return -EBADMSG;
	if (array_reserve(&addrs->addrs, addrs->n, 1) < 0)
		return -ENOMEM;
	addrs->addrs[addrs->n++] = local;
	return 0;
}

void local_addrs_sort(struct local_addrs *addrs)
{
	if (addrs->n)
		qsort(addrs->addrs, addrs->n, sizeof(*addrs->addrs),
		      compare_with_interface);
}

const struct local_addr *local_addrs_find(const struct local_addrs *addrs,
					  uint16_t family, const struct in6_addr *addr)
{
	const struct local_addr key = {.addr = *addr, .family = family};

	if (!addrs->n)
		return NULL;
	return bsearch(&key, addrs->addrs, addrs->n, sizeof(key), compare);
}

bool local_addrs_on(const struct local_addrs *addrs, uint16_t family,
		    const struct in6_addr *addr, uint32_t if_index)
{
	const struct local_addr key = {*addr, family, if_index};

	return addrs->n && bsearch(&key, addrs->addrs, addrs->n, sizeof(key),
				   compare_with_interface);
}

void local_addrs_clear(struct local_addrs *addrs)
{
	addrs->n = 0;
}

void local_addrs_free(struct local_addrs *addrs)
{
	free(addrs->addrs);
	*addrs = (struct local_addrs){0};
}

/* Links. */

enum {
	N_DATA = IFLA_VTI_OKEY + 1, /* IFLA_XFRM_IF_ID is lower */
};

static bool is_kind(const struct nlattr *attr, const char *kind)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const char *text = mnl_attr_get_payload(attr);

	return strnlen(text, len) == strlen(kind) && !memcmp(text, kind, strlen(kind));
}

static int read_link(struct link *link, const struct nlattr *kind,
		     const struct nlattr *const data[N_DATA])
{
	uint32_t okey = 0, ikey = 0;

	if (is_kind(kind, "xfrm"))
		return message_copy_attr(data[IFLA_XFRM_IF_ID], &link->if_id,
					 sizeof(link->if_id))
			   ? 0
			   : -EBADMSG;
	if (!is_kind(kind, "vti") && !is_kind(kind, "vti6"))
		return 0;
	if (!message_copy_attr(data[IFLA_VTI_OKEY], &okey, sizeof(okey)) ||
	    !message_copy_attr(data[IFLA_VTI_IKEY], &ikey, sizeof(ikey)))
		return -EBADMSG;
	link->out_mark = ntohl(okey);
	link->in_mark = ntohl(ikey);
	return 0;
}

int links_add(struct links *links, const struct nlmsghdr *nlh)
{
	const struct nlattr *attrs[IFLA_LINKINFO + 1];
	const struct nlattr *info[IFLA_INFO_DATA + 1];
	const struct nlattr *data[N_DATA];
	struct link link = {0};
	struct ifinfomsg msg;
	int err;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	err = message_get_header(nlh, &msg, sizeof(msg));
	if (!err)
		err = message_find_attrs(nlh, sizeof(msg), attrs, IFLA_LINKINFO + 1);
	if (!err)
		err =
		    message_find_nested(attrs[IFLA_LINKINFO], info, IFLA_INFO_DATA + 1);
	if (!err)
		err = message_find_nested(info[IFLA_INFO_DATA], data, N_DATA);
	if (!err && info[IFLA_INFO_KIND])
		err = read_link(&link, info[IFLA_INFO_KIND], data);
	if (err || !(link.if_id || link.out_mark || link.in_mark))
		return err;
	link.if_index = (uint32_t)msg.ifi_index;
	if (array_reserve(&links->links, links->n, 1) < 0)
		return -ENOMEM;
	links->links[links->n++] = link;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

/* The network interfaces that have policies of their own, from rtnetlink's RTM_NEWLINK:
 * XFRM interfaces by if_id, VTIs by mark. */
struct link {
	uint32_t if_index;
	uint32_t if_id;    /* 0: not an XFRM interface */
	uint32_t out_mark; /* a VTI's keys; 0: not a VTI, or a key of 0 */
	uint32_t in_mark;
};

struct links {
	struct link *links;
	size_t n;
};

/* Adds the interface of an RTM_NEWLINK message if it is an XFRM interface or a VTI.
 * Returns 0, also for any other message; -EBADMSG if the message is malformed; or
 * -ENOMEM. */
int links_add(struct links *links, const struct nlmsghdr *nlh);

/* Returns the interface with that index, or NULL if it has no policies of its own. */
const struct link *links_find(const struct links *links, uint32_t if_index);

void links_free(struct links *links);

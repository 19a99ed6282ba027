/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The interfaces of a namespace, from the messages of rtnetlink: their addresses, and
 * the links that have policies of their own. The functions that add an entry return 0,
 * also for any other message; -EBADMSG if the message is malformed; or -ENOMEM.
 */

/* An address. An IPv4 address is in the first four bytes, and the rest is zero. */
struct local_addr {
	struct in6_addr addr;
	uint16_t family;
	uint32_t if_index;
};

struct local_addrs {
	struct local_addr *addrs; /* sorted after local_addrs_sort() */
	size_t n;
};

/* Adds the address of an RTM_NEWADDR message. */
int local_addrs_add(struct local_addrs *addrs, const struct nlmsghdr *nlh);

/* The next two functions need sorted addresses. */
void local_addrs_sort(struct local_addrs *addrs);

/* Returns the entry of an address, or NULL if it is not local. */
const struct local_addr *local_addrs_find(const struct local_addrs *addrs,
					  uint16_t family, const struct in6_addr *addr);

/* Returns true if that interface has the address; several interfaces may. */
bool local_addrs_on(const struct local_addrs *addrs, uint16_t family,
		    const struct in6_addr *addr, uint32_t if_index);

/* Removes all addresses; local_addrs_free() also frees the memory. */
void local_addrs_clear(struct local_addrs *addrs);
void local_addrs_free(struct local_addrs *addrs);

/* An XFRM interface, which selects policies by if_id, or a VTI, which does by mark. */
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

/* Adds the link of an RTM_NEWLINK message if it is an XFRM interface or a VTI. */
int links_add(struct links *links, const struct nlmsghdr *nlh);

/* Returns the link with that index, or NULL if it has no policies of its own. */
const struct link *links_find(const struct links *links, uint32_t if_index);

void links_free(struct links *links);

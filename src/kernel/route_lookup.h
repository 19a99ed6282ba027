/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdint.h>

/* Lookups in the routing tables by RTM_GETROUTE. They need no capability, and no buffer
 * but the stack. */

struct route_query {
	uint16_t family; /* of both addresses */
	const struct in6_addr *remote;
	const struct in6_addr *local; /* NULL or unspecified: any */
	uint32_t bound;               /* to the interface with this index, 0: none */
	uint32_t mark;                /* of the traffic, 0: none */
};

struct route {
	uint8_t type;      /* RTN_*; for an address of this host RTN_LOCAL */
	uint32_t if_index; /* RTA_OIF, 0: none */
};

/* Looks up the route of traffic that this host sends, on a socket of
 * netlink_open_requests(). seq must be new on that socket, which is closed and set to
 * -1 if answers may still come after an error. Returns 0, with RTN_UNREACHABLE if there
 * is no route; or -errno. */
int route_look_up(int *socket, uint32_t seq, const struct route_query *query,
		  struct route *ret);

/* Reads an RTM_NEWROUTE message into the struct route at ret. Returns 0; or -EBADMSG if
 * it is another message or malformed, with *ret untouched. */
int route_read(void *ret, const struct nlmsghdr *nlh);

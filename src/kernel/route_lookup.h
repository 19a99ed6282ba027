/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdint.h>

/*
 * Lookups in the routing tables by RTM_GETROUTE, on a socket of
 * netlink_open_requests(). They need no capability, and no buffer but the stack. seq
 * must be new on that socket, which is closed and set to -1 if answers may still come
 * after an error.
 */

/* Gives the type (RTN_*) that fib_lookup() finds for traffic of this host to an
 * address, with that mark. An address of this host has a route of type local. Returns
 * 0, with RTN_UNREACHABLE if there is no route; or -errno. */
int route_lookup_type(int *socket, uint32_t seq, uint16_t family,
		      const struct in6_addr *addr, uint32_t mark, uint8_t *ret_type);

/* Gives the interface by which remote is reached, from local unless that is
 * unspecified, and bound to an interface unless that is 0. Returns 0; -ENOENT if the
 * route has no interface; or -errno, such as the -ENETUNREACH of fib_lookup(). */
int route_lookup_interface(int *socket, uint32_t seq, uint16_t family,
			   const struct in6_addr *local, const struct in6_addr *remote,
			   uint32_t bound, uint32_t *ret_if_index);

struct route {
	uint8_t type;      /* RTN_* */
	uint32_t if_index; /* RTA_OIF, 0: none */
};

/* Reads an RTM_NEWROUTE message into the struct route at ret. Returns 0; or -EBADMSG if
 * it is another message or malformed, with *ret untouched. */
int route_read(void *ret, const struct nlmsghdr *nlh);

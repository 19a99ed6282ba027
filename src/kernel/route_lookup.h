/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdint.h>

#include "kernel/netlink_socket.h"

/*
 * Lookups in the routing tables, by RTM_GETROUTE on a socket of netlink_request_open().
 * They need no capability and no buffer but the stack's. seq must be new on that
 * socket, which is closed and set to NULL if answers may still come after a failure.
 */

/*
 * The type (RTN_*) of the route to an address, as fib_lookup() gives it for traffic
 * that this host sends with that mark. An address of this host has a route of type
 * local, whatever made it so. Returns 0, RTN_UNREACHABLE too if there is no route; or
 * -errno.
 */
int route_lookup_type(struct mnl_socket **socket, uint32_t seq, uint16_t family,
		      const struct in6_addr *addr, uint32_t mark, uint8_t *ret_type);

/* The interface by which remote is reached from local, unless that is unspecified, and
 * bound to an interface, unless that is 0. Returns 0 or -errno: -ENETUNREACH and other
 * errors of fib_lookup(). */
int route_lookup_interface(struct mnl_socket **socket, uint32_t seq, uint16_t family,
			   const struct in6_addr *local, const struct in6_addr *remote,
			   uint32_t bound, uint32_t *ret_if_index);

/* The output interface (RTA_OIF) of an RTM_NEWROUTE message. Returns 0; -ENOENT if it
 * is another message or the route has none; -EBADMSG. */
int route_interface(const struct nlmsghdr *nlh, uint32_t *ret_if_index);

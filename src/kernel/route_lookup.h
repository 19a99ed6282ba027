/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_ROUTE_LOOKUP_H
#define QMIPSEC_ROUTE_LOOKUP_H

#include <netinet/in.h>
#include <stdint.h>

#include "kernel/netlink_socket.h"

/*
 * Asks on a NETLINK_ROUTE socket on which no answer waits for the type (RTN_*) of the
 * route to an address, as fib_lookup() gives it for traffic that this host sends with
 * that mark. An address of this host has a route of type local, whatever made it so.
 * Needs no capability and no buffer but the stack's. seq must be new on that socket.
 *
 * Returns 0, RTN_UNREACHABLE too if there is no route; or -errno, after which answers
 * may still come: close the socket.
 */
int route_lookup_type(const struct mnl_socket *socket, uint32_t seq, uint16_t family,
		      const struct in6_addr *addr, uint32_t mark, uint8_t *ret_type);

#endif

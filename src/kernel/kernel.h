/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_KERNEL_H
#define QMIPSEC_KERNEL_H

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/xfrm_stat.h"

/*
 * The kernel as the collector sees it: one network namespace. The real one is
 * xfrm_netlink; tests pass their own.
 */

enum kernel_dump {
	KERNEL_DUMP_SAD,   /* answers XFRM_MSG_NEWSA */
	KERNEL_DUMP_SPD,   /* answers XFRM_MSG_NEWPOLICY */
	KERNEL_DUMP_ADDRS, /* answers RTM_NEWADDR */
	KERNEL_DUMP_LINKS, /* answers RTM_NEWLINK */
};

/*
 * Called for each message, whole and in order. The message may hold keys: it must not
 * be kept or copied, and is wiped once the batch it came in is done. Any result but 0
 * ends the reading and becomes its result.
 */
typedef int (*kernel_message_cb)(void *ctx, const struct nlmsghdr *nlh);

struct kernel_ops {
	/* All answers to one dump request. Returns 0 or -errno: -EPERM without
	 * CAP_NET_ADMIN, -ETIMEDOUT, -EBADMSG, ... */
	int (*dump)(void *kernel, enum kernel_dump what, kernel_message_cb cb,
		    void *ctx);
	/* The events that wait, without waiting for more. Returns 0; 1 if it left some
	 * for later, since it takes a bounded number and time; or -errno. -ENOBUFS,
	 * -ENOSPC: events are lost; what survived can then be read by calling again. */
	int (*read_events)(void *kernel, kernel_message_cb cb, void *ctx);
	/* The interface by which this namespace would send to remote; local: from
	 * there, unless unspecified; bound: of an interface, 0: of any. Returns 0 or
	 * -errno, -ENETUNREACH, ... */
	int (*route)(void *kernel, uint16_t family, const struct in6_addr *local,
		     const struct in6_addr *remote, uint32_t bound,
		     uint32_t *ret_if_index);
	/* The type (RTN_*) of the route to an address, of traffic with that mark;
	 * RTN_UNREACHABLE too if there is no route. Unlike all others this may be
	 * called from within the callback of a dump of the SAD or the SPD, or of
	 * read_events. Returns 0 or -errno. */
	int (*route_type)(void *kernel, uint16_t family, const struct in6_addr *addr,
			  uint32_t mark, uint8_t *ret_type);
	/* True if addresses may have changed since the last call. */
	bool (*addrs_changed)(void *kernel);
	/* How many messages came that the kernel did not send. They were dropped
	 * unread. */
	uint64_t (*count_foreign)(void *kernel);
	/* The error counters. Returns 0 or -errno. */
	int (*read_xfrm_stat)(void *kernel, struct xfrm_stat *ret);
	/* The ifIndex of the interface of that name, 0 if there is none. */
	uint32_t (*if_index)(void *kernel, const char *name);
	/* Nanoseconds of CLOCK_MONOTONIC. */
	uint64_t (*now)(void *kernel);
};

#endif

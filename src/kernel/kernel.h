/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/xfrm_stat.h"

/*
 * The kernel as the collector sees it: one network namespace. xfrm_netlink.h is the
 * real one; tests have their own. Every function gets the handle that stands beside the
 * table, returns at once or within the stated time, and writes its ret_ parameters only
 * when it returns 0. Errors are -errno.
 */

enum kernel_dump {
	KERNEL_DUMP_SAD,   /* answers XFRM_MSG_NEWSA */
	KERNEL_DUMP_SPD,   /* answers XFRM_MSG_NEWPOLICY */
	KERNEL_DUMP_ADDRS, /* answers RTM_NEWADDR */
	KERNEL_DUMP_LINKS, /* answers RTM_NEWLINK */
};

/*
 * Called for each message, whole and in order: nlmsg_len bytes can be read, which is at
 * least the header. The message may hold keys: it must not be kept or copied, and is
 * wiped once the batch it came in is done. Any result but 0 ends the reading and
 * becomes its result.
 */
typedef int (*kernel_message_cb)(void *ctx, const struct nlmsghdr *nlh);

struct kernel_ops {
	/* Calls back for all answers to one dump request, within ten seconds. Returns
	 * 0; the callback's result; -EPERM without CAP_NET_ADMIN; -EINTR: the dump is
	 * inconsistent, ask again; -ETIMEDOUT, -EBADMSG or another error. After any
	 * result but 0 the callback may have seen some of the answers. */
	int (*dump)(void *kernel, enum kernel_dump what, kernel_message_cb cb,
		    void *ctx);
	/* Calls back for the events that wait, for a bounded number and time. Returns 0
	 * if none is left; 1 if some may be; the callback's result; -ENOBUFS or
	 * -ENOSPC: events are lost, and what survived can be read by calling again; or
	 * another error. */
	int (*read_events)(void *kernel, kernel_message_cb cb, void *ctx);
	/* The interface by which this namespace would send to remote; local: from
	 * there, unless unspecified; bound: the index of the interface that the
	 * traffic is bound to, 0: none. Both addresses are of the family. Returns 0;
	 * -ENOENT if the route has no interface; -ENETUNREACH or another error. */
	int (*route)(void *kernel, uint16_t family, const struct in6_addr *local,
		     const struct in6_addr *remote, uint32_t bound,
		     uint32_t *ret_if_index);
	/* The type (RTN_*) of the route to an address, of traffic with that mark;
	 * RTN_UNREACHABLE too if there is no route. Unlike all others this may be
	 * called from within the callback of a dump of the SAD or the SPD, or of
	 * read_events. Returns 0 or an error. */
	int (*route_type)(void *kernel, uint16_t family, const struct in6_addr *addr,
			  uint32_t mark, uint8_t *ret_type);
	/* True if addresses may have changed since the last call. */
	bool (*addrs_changed)(void *kernel);
	/* How many datagrams came that the kernel did not send, since the handle was
	 * opened. They were dropped unread. */
	uint64_t (*count_foreign)(void *kernel);
	/* The error counters. Returns 0; -ENOENT if the kernel has none
	 * (CONFIG_XFRM_STATISTICS); or what xfrm_stat_read() returns. */
	int (*read_xfrm_stat)(void *kernel, struct xfrm_stat *ret);
	/* The index of the interface of that name, 0 if there is none. */
	uint32_t (*if_index)(void *kernel, const char *name);
	/* CLOCK_MONOTONIC in nanoseconds. */
	uint64_t (*now)(void *kernel);
};

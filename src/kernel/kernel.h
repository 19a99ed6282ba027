/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/xfrm_stat.h"

/*
 * The kernel as the collector uses it: one handle for each network namespace.
 * xfrm_netlink.h has the real implementation; tests have their own. Functions return at
 * once or within the stated time, and write their ret_ parameters only when they return
 * 0. Errors are -errno.
 */

enum kernel_dump {
	KERNEL_DUMP_SAD,   /* answers XFRM_MSG_NEWSA */
	KERNEL_DUMP_SPD,   /* answers XFRM_MSG_NEWPOLICY */
	KERNEL_DUMP_ADDRS, /* answers RTM_NEWADDR */
	KERNEL_DUMP_LINKS, /* answers RTM_NEWLINK */
};

/*
 * Called for each message in order. All nlmsg_len bytes can be read, at least the
 * header. The message may hold keys: it must not be kept or copied, and is wiped when
 * the reading ends. A result other than 0 ends the reading and becomes its result.
 */
typedef int (*kernel_message_cb)(void *ctx, const struct nlmsghdr *nlh);

struct kernel_ops {
	/* Calls back for all answers to one dump request, within ten seconds. Returns
	 * 0; the callback's result; -EPERM without CAP_NET_ADMIN; -EINTR: the dump is
	 * inconsistent, try again; -ETIMEDOUT, -EBADMSG or another error. On an error
	 * the callback may have got some of the answers. */
	int (*dump)(void *kernel, enum kernel_dump what, kernel_message_cb cb,
		    void *ctx);
	/* Calls back for the events that wait, for a bounded number and time. Returns 0
	 * if none is left; 1 if some may be; the callback's result; -ENOBUFS or
	 * -ENOSPC: events are lost, and another call reads the remaining ones; or
	 * another error. */
	int (*read_events)(void *kernel, kernel_message_cb cb, void *ctx);
	/* Gives the interface by which this namespace would send to remote, from local
	 * unless that is unspecified. bound: the index of the interface that the
	 * traffic is bound to, 0: none. Both addresses are of the family. Returns 0;
	 * -ENOENT if there is no route or it has no interface; or another error. */
	int (*route)(void *kernel, uint16_t family, const struct in6_addr *local,
		     const struct in6_addr *remote, uint32_t bound,
		     uint32_t *ret_if_index);
	/* Gives the type (RTN_*) of the route to an address for traffic with that mark,
	 * RTN_UNREACHABLE if there is no route. Unlike the others this may be called
	 * from within the callback of read_events or of a dump of the SAD or the SPD.
	 * Returns 0 or an error. */
	int (*route_type)(void *kernel, uint16_t family, const struct in6_addr *addr,
			  uint32_t mark, uint8_t *ret_type);
	/* Returns true if addresses may have changed since the last call. */
	bool (*addrs_changed)(void *kernel);
	/* Returns how many datagrams that the kernel did not send have arrived since
	 * the handle was opened. They were dropped unread. */
	uint64_t (*count_foreign)(void *kernel);
	/* Reads the error counters. Returns 0; -ENOENT if the kernel has none
	 * (CONFIG_XFRM_STATISTICS); or an error of xfrm_stat_read(). */
	int (*read_xfrm_stat)(void *kernel, struct xfrm_stat *ret);
	/* Returns the index of the interface with that name, 0 if there is none. */
	uint32_t (*if_index)(void *kernel, const char *name);
	/* Returns CLOCK_MONOTONIC in nanoseconds. */
	uint64_t (*now)(void *kernel);
};

/* Opens the handles. A handle keeps its namespace, and all SAs in it, alive until it is
 * closed. */
struct kernel_opener {
	const struct kernel_ops *ops; /* of every handle that it opens */
	/* Opens the namespace that the calling thread is in. rcvbuf: bytes for events
	 * that wait; a DELSA takes about 1.3 kB. -EPERM without CAP_NET_ADMIN,
	 * -EPROTONOSUPPORT if the kernel has no XFRM. */
	int (*open)(size_t rcvbuf, void **ret);
	/* Opens the namespace of a descriptor (a file in /run/netns or
	 * /proc/PID/ns/net), which is not needed afterwards. home is the handle of the
	 * thread's own namespace, and must outlive the new one: they share a buffer, so
	 * messages of both must not be read at the same time. -ENOTTY if netns is not a
	 * network namespace. */
	int (*open_other)(void *home, int netns, size_t rcvbuf, void **ret);
	void (*close)(void *kernel); /* NULL is allowed */
	/* Gives the namespace's number, which is unique until the next boot (Linux
	 * 5.14). */
	int (*cookie)(void *kernel, uint64_t *ret);
	/* Returns a descriptor that is readable when events wait. */
	int (*event_fd)(void *kernel);
};

/*
 * Returns true, at most four times, if an operation should be tried again at once:
 *
 *	unsigned attempt = 0;
 *
 *	do
 *		err = operation();
 *	while (retry_is_due(err, &attempt));
 *
 * An interrupted dump may lack entries or have them twice (NLM_F_DUMP_INTR,
 * nl_dump_check_consistent). A missing privilege will not come, and a kernel that did
 * not answer in time is not asked again before the next poll.
 */
static inline bool retry_is_due(int err, unsigned *attempt)
{
	return err && err != -EPERM && err != -ETIMEDOUT && ++*attempt < 5;
}

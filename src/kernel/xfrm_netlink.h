/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_XFRM_NETLINK_H
#define QMIPSEC_XFRM_NETLINK_H

#include <stddef.h>

#include "kernel/kernel.h"

/*
 * The netlink sockets of a network namespace, and its xfrm_stat. Needs CAP_NET_ADMIN in
 * the namespace's user namespace, at the opening (to join groups) and at every dump: a
 * descriptor opened with it is not enough.
 *
 * Every handle keeps its namespace, and all SAs in it, alive until it is closed.
 *
 * Joined are the groups SA, EXPIRE, POLICY and MIGRATE. Never ACQUIRE: a listener there
 * makes the kernel create larval SAs (net/xfrm/xfrm_state.c, xfrm_state_find). Never
 * AEVENTS: the kernel then sends a message every two packets.
 */
struct xfrm_netlink;

extern const struct kernel_ops xfrm_netlink_ops;

/*
 * Of the namespace that the calling thread is in. rcvbuf: bytes of the event socket's
 * buffer; a DELSA takes about 1.3 kB of it. Returns 0 and the handle, or -errno: -EPERM
 * without CAP_NET_ADMIN, -EPROTONOSUPPORT if the kernel has no XFRM.
 */
int xfrm_netlink_open(size_t rcvbuf, struct xfrm_netlink **ret);

/*
 * Of another namespace: netns is a descriptor of it (a file in /run/netns or
 * /proc/PID/ns/net), which stays the caller's and is not kept. The thread goes there
 * and back, for which it needs CAP_SYS_ADMIN in its own and in that namespace's user
 * namespace; if the way back fails, the program ends. home is the thread's own and must
 * outlive the handle: they share one buffer, so that messages of both must not be read
 * at the same time. Returns 0 and the handle, or -errno as above; -ENOTTY if netns is
 * no network namespace.
 */
int xfrm_netlink_open_other(const struct xfrm_netlink *home, int netns, size_t rcvbuf,
			    struct xfrm_netlink **ret);
void xfrm_netlink_close(struct xfrm_netlink *netlink);

/* The namespace's number, which no other has or will have while this kernel runs (Linux
 * 5.14 on). Returns 0 or -errno. */
int xfrm_netlink_cookie(const struct xfrm_netlink *netlink, uint64_t *ret);

/* Readable when events wait. */
int xfrm_netlink_event_fd(const struct xfrm_netlink *netlink);

#endif

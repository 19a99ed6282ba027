/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_XFRM_NETLINK_H
#define QMIPSEC_XFRM_NETLINK_H

#include <stddef.h>

#include "kernel.h"

/*
 * The netlink sockets of the network namespace that the calling thread is in, and its
 * xfrm_stat. Needs CAP_NET_ADMIN in the namespace's user namespace, at the opening (to
 * join groups) and at every dump: a descriptor opened with it is not enough.
 *
 * Joined are the groups SA, EXPIRE, POLICY and MIGRATE. Never ACQUIRE: a listener there
 * makes the kernel create larval SAs (net/xfrm/xfrm_state.c, xfrm_state_find). Never
 * AEVENTS: the kernel then sends a message every two packets.
 */
struct xfrm_netlink;

extern const struct kernel_ops xfrm_netlink_ops;

/*
 * rcvbuf: bytes of the event socket's buffer; a DELSA takes about 1.3 kB of it.
 * Returns 0 and the handle, or -errno: -EPERM without CAP_NET_ADMIN,
 * -EPROTONOSUPPORT if the kernel has no XFRM.
 */
int xfrm_netlink_open(size_t rcvbuf, struct xfrm_netlink **ret);
void xfrm_netlink_close(struct xfrm_netlink *netlink);

/* Readable when events wait. */
int xfrm_netlink_event_fd(const struct xfrm_netlink *netlink);

#endif

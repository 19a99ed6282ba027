/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <libmnl/libmnl.h>

/*
 * Netlink sockets that hear the kernel alone. Anybody with CAP_NET_ADMIN in a network
 * namespace, such as a container's root, may send netlink messages to the ports and to
 * the multicast groups of that namespace (net/netlink/af_netlink.c, netlink_sendmsg).
 * A socket that is connected to port 0, the kernel, is refused to all other senders of
 * unicasts (netlink_getsockbyportid); their multicasts arrive, and the
 * sender's port, which the kernel writes, identifies them.
 */

/* In the namespace that the thread is in. flags: SOCK_NONBLOCK or 0. Returns 0 or
 * -errno. */
int netlink_socket_open(int protocol, int flags, struct mnl_socket **ret);

/* Closes it and sets it to NULL, which it may be. */
void netlink_socket_close(struct mnl_socket **socket);

/* Returns 0 or -errno: -EPERM without CAP_NET_ADMIN. */
int netlink_socket_join(struct mnl_socket *socket, const int *groups, size_t n);

/* The bytes of its buffer. SO_RCVBUFFORCE passes net.core.rmem_max by; without the
 * right to it the limit applies. */
void netlink_socket_set_rcvbuf(struct mnl_socket *socket, size_t bytes);

/* How long a read may wait. Returns 0 or -errno. */
int netlink_socket_set_timeout(struct mnl_socket *socket, unsigned seconds);

/*
 * Reads one datagram. Returns its bytes; 0 if none came in time; -EREMOTE if it was not
 * from the kernel, or -ENOSPC if it did not fit: it is gone then, and the buffer wiped;
 * or another -errno: -ENOBUFS if the kernel has dropped some.
 */
ssize_t netlink_socket_receive(const struct mnl_socket *socket, void *buffer,
			       size_t size);

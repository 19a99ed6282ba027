/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "kernel/kernel.h"

/*
 * Netlink sockets that receive from the kernel only. Anyone with CAP_NET_ADMIN in a
 * network namespace, such as root in a container, may send netlink messages to the
 * ports and multicast groups of that namespace (net/netlink/af_netlink.c,
 * netlink_sendmsg). These sockets are connected to port 0, the kernel, so unicasts of
 * other senders are rejected (netlink_getsockbyportid). Their multicasts arrive, and
 * are recognised by the sender's port, which the kernel fills in.
 *
 * Sockets belong to the namespace that the thread is in when they are opened. Functions
 * return -errno on an error.
 */

/* Opens a nonblocking socket for the events of some groups. rcvbuf: bytes of its
 * buffer, 0 for the default; SO_RCVBUFFORCE overrides net.core.rmem_max if the process
 * may. Returns the descriptor; -EPERM without CAP_NET_ADMIN. */
int netlink_open_events(int protocol, const int *groups, size_t n, size_t rcvbuf);

/* Opens a socket for requests. Returns the descriptor. */
int netlink_open_requests(int protocol);

/*
 * Reads one datagram. Returns its length; 0 if none came in time; -EREMOTE if the
 * kernel did not send it, or -ENOSPC if it did not fit: then it is dropped, and the
 * buffer is wiped; -ENOBUFS if the kernel has dropped datagrams.
 */
ssize_t netlink_receive(int socket, void *buffer, size_t size);

/* How the answers to a request are read. */
struct netlink_reader {
	kernel_message_cb cb;
	void *ctx;
	/* For one datagram, aligned as struct nlmsghdr; wiped after the last. May be
	 * the buffer that the request is in. */
	void *buffer;
	size_t size;
	size_t n_answers; /* messages passed to cb */
	/* private: the request, and whether its last answer has come */
	uint32_t seq;
	bool is_dump;
	bool ended;
};

/*
 * Sends a request and calls back for each answer: for all those to an NLM_F_DUMP, else
 * for the first. The request's nlmsg_seq must be new on this socket.
 *
 * Returns 0; the callback's result, if it is not 0; the kernel's own error; -EINTR: the
 * dump is inconsistent (NLM_F_DUMP_INTR); -ETIMEDOUT; -ENOSPC: an answer did not fit
 * into the buffer; or -EBADMSG. If answers may still come after an error, the socket is
 * closed and set to -1.
 */
int netlink_request(int *socket, const struct nlmsghdr *request,
		    struct netlink_reader *reader);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "kernel/kernel.h"
#include "kernel/netlink_socket.h"

/* One request to the kernel and all answers to it. */

/* What reads the answers. */
struct netlink_reader {
	kernel_message_cb cb;
	void *ctx;
	/* For one datagram, aligned as struct nlmsghdr; wiped after each. May be the
	 * buffer that the request is in. */
	void *buffer;
	size_t size;
	size_t n_answers; /* counts the messages that cb got */
};

/* Opens a socket for requests, in the namespace that the thread is in. Returns 0 or
 * -errno. */
int netlink_request_open(int protocol, struct mnl_socket **ret);

/*
 * Sends the request, whose nlmsg_seq must be new on this socket, and calls back for
 * each answer: all those to an NLM_F_DUMP, else the first.
 *
 * Returns 0; the callback's result, if it is not 0; the kernel's own error, -errno;
 * -EINTR: the dump is inconsistent (NLM_F_DUMP_INTR); -ETIMEDOUT; -ENOSPC: an answer
 * was longer than the buffer; -EBADMSG; or another -errno of the socket. If answers may
 * still come afterwards, the socket is closed and set to NULL.
 */
int netlink_request(struct mnl_socket **socket, const struct nlmsghdr *request,
		    struct netlink_reader *reader);

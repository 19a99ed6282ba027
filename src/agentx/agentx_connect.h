/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netdb.h>
#include <stdbool.h>

#include "agentx/agentx_address.h"

/*
 * Connects to an AgentX master without ever waiting: connect(2) itself waits while a
 * Unix socket's backlog is full (a frozen snmpd) and for minutes over TCP, and the
 * resolver waits for name servers, so names are resolved by getaddrinfo_a(3).
 *
 * One attempt:
 *
 *	agentx_connect_start()
 *	agentx_connect_step()      again, after AGENTX_CONNECT_STEP_MS, while
 *-EINPROGRESS
 *
 * The structure must start as zeros and outlive the process or
 *agentx_connect_cancel()'s true: the resolver may still be writing to it.
 */
struct agentx_connect {
	struct agentx_address address;
	struct addrinfo hints;
	struct gaicb request;
	bool resolving;
	struct addrinfo *next; /* in request.ar_result: what to try next */
	int fd;                /* of the attempt under way, if connecting */
	bool connecting;
};

#define AGENTX_CONNECT_STEP_MS 20

/* Begins an attempt; one that is under way is given up. Returns 0, or -EBUSY while the
 * resolver is still at a name that nobody wants any more. */
int agentx_connect_start(struct agentx_connect *connect,
			 const struct agentx_address *address);

/*
 * Returns 0 and the connected socket, non-blocking and close-on-exec, the caller's from
 * now on; -EINPROGRESS; or -errno of the last address tried, -ENONET if the name could
 * not be resolved: *ret_gai_error is then the resolver's EAI_* value, else 0.
 * -EAGAIN: the backlog of a Unix socket is full.
 */
int agentx_connect_step(struct agentx_connect *connect, int *ret_fd,
			int *ret_gai_error);

/* Gives an attempt up. Returns false while the resolver is still at it; it gives up
 * after its own time-outs, resolv.conf(5). */
bool agentx_connect_cancel(struct agentx_connect *connect);

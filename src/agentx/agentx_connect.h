/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <netdb.h>
#include <stdbool.h>

#include "agentx/agentx_address.h"

/*
 * Connects to an AgentX master and never waits. connect(2) itself would wait while the
 * backlog of a Unix socket is full (a frozen snmpd), and for minutes over TCP. The
 * resolver would wait for name servers, so getaddrinfo_a(3) resolves names.
 *
 * To connect, call agentx_connect_start(), then agentx_connect_step() every
 * AGENTX_CONNECT_STEP_MS while it returns -EINPROGRESS.
 *
 * The structure must start as zeros. It must live until agentx_connect_cancel() returns
 * true, since the resolver may write to it.
 */
struct agentx_connect {
	struct agentx_address address;
	struct addrinfo hints;
	struct gaicb request;
	bool resolving;
	struct addrinfo *next; /* the next one to try, in request.ar_result */
	int fd;                /* if connecting */
	bool connecting;
};

#define AGENTX_CONNECT_STEP_MS 20

/* Begins an attempt and cancels the previous one. Returns 0, or -EBUSY while the
 * resolver still works on the previous attempt. */
int agentx_connect_start(struct agentx_connect *connect,
			 const struct agentx_address *address);

/*
 * Returns 0 and the connected socket, non-blocking and close-on-exec, which the caller
 * closes; -EINPROGRESS; or -errno of the last address tried. -ENONET: the name cannot
 * be resolved, and *ret_gai_error is the resolver's EAI_* value, otherwise 0. -EAGAIN:
 * the backlog of a Unix socket is full.
 */
int agentx_connect_step(struct agentx_connect *connect, int *ret_fd,
			int *ret_gai_error);

/* Cancels an attempt. Returns false while the resolver works on it, until its own
 * time-outs (resolv.conf(5)). */
bool agentx_connect_cancel(struct agentx_connect *connect);

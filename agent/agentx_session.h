/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "agentx/agentx_address.h"

/*
 * The AgentX session with the master, snmpd. Net-SNMP's own subagent waits for the
 * answer to each request that it makes (Open, Register, Ping, Close), and takes a late
 * one for the master's death; a master that runs a slow script is late and not dead.
 * Here nothing waits: every request is asynchronous, and the session lasts as long as
 * the connection, whose end the kernel reports at once. The library still encodes,
 * decodes and answers the master's requests. One for the process, as is the agent.
 *
 *	            retry is due              connected
 *	WAITING ------------------> CONNECTING --------> OPENING
 *	  ^  ^                          |                   |
 *	  |  '--------------------------'                   | Response to Open
 *	  |             error                               v
 *	  '-------------------------------------------- OPEN (registers, pings)
 *	           connection closed, by whom ever
 *
 * Each of agentx_objects is registered for itself; one that the master refuses is tried
 * again until it is accepted. Logs what an administrator must know, once, and tells
 * systemd.
 */

/* Prepares Net-SNMP's agent library. Before any directive is read. */
void agentx_session_init(void);

/*
 * Starts the library, and begins to connect. interval_ms: between pings and between
 * attempts to connect; 0: AGENTX_PING_MS and AGENTX_RETRY_MS. A missing master is no
 * error. Returns 0 or -errno.
 */
#define AGENTX_PING_MS 15000
#define AGENTX_RETRY_MS 500
int agentx_session_start(const struct agentx_address *address, unsigned interval_ms);

/* Other settings. Reconnects if the address is another. */
void agentx_session_configure(const struct agentx_address *address,
			      unsigned interval_ms);

/* Holds the invariant "connected, or an attempt is scheduled": says so and mends it if
 * it does not hold. For the main loop, after each round. */
void agentx_session_check(void);

/* Ends the session and the library. */
void agentx_session_stop(void);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "agentx/agentx_address.h"

/*
 * The AgentX session with the master, snmpd. One for the process, as the agent is.
 *
 * Net-SNMP's own subagent waits for the answer to each request that it makes (Open,
 * Register, Ping, Close), and takes a late answer for the master's death. But a master
 * that runs a slow script is late and not dead. Here every request is asynchronous, and
 * the session lasts as long as the connection. The kernel reports the end of a
 * connection at once. The library still encodes, decodes and answers the master's
 * requests.
 *
 *	            retry is due              connected
 *	WAITING ------------------> CONNECTING --------> OPENING
 *	  ^  ^                          |                   |
 *	  |  '--------------------------'                   | Response to Open
 *	  |             error                               v
 *	  '-------------------------------------------- OPEN (registers, pings)
 *	          connection closed, by either side
 *
 * Each of agentx_objects is registered separately, again and again until the master
 * accepts it. Logs what an administrator must know, once (agentx_log.h). After a
 * session that a message which no master sends has ended, and after several that ended
 * soon, the next attempt waits for 3 s.
 */

/* Begins a session with the master at address; reconnects if it was another one.
 * interval_ms: between pings, and between attempts to connect; 0: 15 s and 500 ms.
 * timeout_s: for which the master waits for an answer, at most 255, asked for when the
 * session begins; 0: the master's default. */
void agentx_session_configure(const struct agentx_address *address,
			      unsigned interval_ms, unsigned timeout_s);

/* Does what is due now: connects, pings, registers. For the main loop, after each
 * round. Returns the time at which to call it again. Both are of CLOCK_MONOTONIC, in
 * ns. */
uint64_t agentx_session_run(uint64_t now);

/*
 * True if another daemon serves these objects, which has been logged: this one should
 * exit. Only at the start, before the master has accepted any; only on a Unix socket,
 * where the kernel ends the session of a process that has ended, so that no refusal
 * lasts because of a dead one; and not before the fourth refusal, after 9 s.
 */
bool agentx_session_is_superfluous(void);

/* What has become of a notification. */
enum agentx_outcome {
	AGENTX_ACCEPTED, /* the master has it */
	AGENTX_REJECTED, /* the master answered with an error, which has been logged */
	AGENTX_LOST,     /* the session ended before the master's answer */
};

/* True if there is a session, and no notification without an answer. */
bool agentx_session_can_notify(void);

/* Sends a notification: a PDU of AGENTX_NOTIFY, which it takes over. done is called
 * once, maybe before this returns. */
void agentx_session_notify(netsnmp_pdu *pdu, void (*done)(enum agentx_outcome outcome));

/* Ends the session and the library. */
void agentx_session_stop(void);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

/* Net-SNMP's AgentX protocol engine: it encodes and decodes messages, and answers
 * requests to read. Its own subagent does not run. */

/* Prepares Net-SNMP's agent library, once. */
void agentx_engine_init(void);

/* Makes a session of a connected transport, which it takes over. callback gets what
 * matches no request. Returns NULL if there is no memory; the transport is then closed.
 * timeout_s: for which a request waits for its answer. */
netsnmp_session *agentx_engine_open(netsnmp_transport *transport,
				    netsnmp_callback callback, long timeout_s);

/* Answers a message of the master if it is a request; the arguments are those of a
 * netsnmp_callback. Returns NULL, or why no master can have sent it. */
const char *agentx_engine_answer(netsnmp_session *session, int reqid, netsnmp_pdu *pdu,
				 void *magic);

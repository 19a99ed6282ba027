/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_NETSNMP_AGENTX_H
#define QMIPSEC_NETSNMP_AGENTX_H

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

/*
 * Net-SNMP's AgentX protocol engine. libnetsnmpagent exports these functions, but their
 * headers (agent/mibgroup/agentx/protocol.h, subagent.h) are not installed. configure
 * checks that they can be linked.
 */

/* snmp_add_full()'s encoder, decoder and framer for AgentX PDUs. */
int agentx_parse(netsnmp_session *session, netsnmp_pdu *pdu, u_char *data, size_t len);
int agentx_realloc_build(netsnmp_session *session, netsnmp_pdu *pdu, u_char **buf,
			 size_t *buf_len, size_t *out_len);
int agentx_check_packet(u_char *packet, size_t len);

/* Has the agent answer a request of the master's (Get, GetNext, TestSet, ...). */
int handle_agentx_packet(int operation, netsnmp_session *session, int reqid,
			 netsnmp_pdu *pdu, void *magic);

/* The callback by which the library's own, blocking subagent starts. */
int subagent_startup(int major, int minor, void *server, void *client);

/* netsnmp_session.version of an AgentX session. */
#define AGENTX_VERSION_1 0xC1

/* PDU types and errors: RFC 2741, sections 6.1 and 6.2.16. */
enum {
	AGENTX_OPEN = 1,
	AGENTX_CLOSE = 2,
	AGENTX_REGISTER = 3,
	AGENTX_PING = 13,
	AGENTX_ADD_AGENT_CAPS = 16,
	AGENTX_RESPONSE = 18,

	AGENTX_CLOSE_SHUTDOWN = 5,

	AGENTX_ERR_OPEN_FAILED = 256,
	AGENTX_ERR_NOT_OPEN = 257,
	AGENTX_ERR_UNSUPPORTED_CONTEXT = 262,
	AGENTX_ERR_DUPLICATE_REGISTRATION = 263,
	AGENTX_ERR_PARSE_FAILED = 266,
	AGENTX_ERR_REQUEST_DENIED = 267,
	AGENTX_ERR_PROCESSING_ERROR = 268,
};

#endif

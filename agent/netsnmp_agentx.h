/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "agentx/agentx_protocol.h"

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

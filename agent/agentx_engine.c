/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "agentx_engine.h"

#include <signal.h>
#include <stdlib.h>

#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agentx/agentx_protocol.h"

/*
 * Net-SNMP's AgentX protocol engine. libnetsnmpagent exports these functions, but their
 * headers (agent/mibgroup/agentx/protocol.h, subagent.h) are not installed. configure
 * checks that they link.
 */
/* snmp_add_full()'s encoder, decoder and framer for AgentX PDUs */
int agentx_parse(netsnmp_session *session, netsnmp_pdu *pdu, u_char *data, size_t len);
int agentx_realloc_build(netsnmp_session *session, netsnmp_pdu *pdu, u_char **buf,
			 size_t *buf_len, size_t *out_len);
int agentx_check_packet(u_char *packet, size_t len);
/* has the agent answer a request of the master (Get, GetNext, TestSet, ...) */
int handle_agentx_packet(int operation, netsnmp_session *session, int reqid,
			 netsnmp_pdu *pdu, void *magic);
/* the callback that starts the library's own, blocking subagent */
int subagent_startup(int major, int minor, void *server, void *client);

#define AGENTX_VERSION_1 0xC1 /* netsnmp_session.version */

void agentx_engine_init(void)
{
	signal(SIGPIPE, SIG_IGN);
	/* Keeps the library from writing a certificate index (no directory can be made
	 * below a device) and from loading MIBs. */
	setenv("SNMP_PERSISTENT_DIR", "/dev/null/none", 1);
	setenv("MIBS", "", 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID,
			       NETSNMP_DS_AGENT_NO_ROOT_ACCESS, 1);
	netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_APPTYPE,
			      "qmipsecd");
	/* Keeps init_snmp() from reading and writing files. */
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE,
			       1);
	init_agent("qmipsecd");
	snmp_unregister_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_POST_READ_CONFIG,
				 subagent_startup, NULL, 0);
}

netsnmp_session *agentx_engine_open(netsnmp_transport *transport,
				    netsnmp_callback callback, long timeout_s)
{
	netsnmp_session session;
	netsnmp_session *opened;

	snmp_sess_init(&session);
	session.version = AGENTX_VERSION_1;
	session.retries = 0;
	session.timeout = timeout_s * 1000000L;
	session.flags |= SNMP_FLAGS_STREAM_SOCKET;
	session.callback = callback;
	opened = snmp_add_full(&session, transport, NULL, agentx_parse, NULL, NULL,
			       agentx_realloc_build, agentx_check_packet, NULL);
	if (!opened)
		return NULL;
	opened->sessid = 0;
	/* The library's own subagent keeps its ping alarm there. */
	opened->securityModel = SNMP_DEFAULT_SECMODEL;
	return opened;
}

/* Every object is read-only. The library would keep each SET until its end, and log a
 * line for each end without a beginning. */
static void refuse_set(netsnmp_session *session, const netsnmp_pdu *request)
{
	netsnmp_pdu *pdu = snmp_pdu_create(AGENTX_RESPONSE);

	if (!pdu)
		return;
	pdu->version = session->version;
	pdu->flags |= request->flags & AGENTX_FLAG_NETWORK_BYTE_ORDER;
	pdu->sessid = request->sessid;
	pdu->transid = request->transid;
	pdu->reqid = request->reqid;
	pdu->errstat = SNMP_ERR_NOTWRITABLE;
	pdu->errindex = request->variables ? 1 : 0;
	if (!snmp_send(session, pdu))
		snmp_free_pdu(pdu);
}

const char *agentx_engine_answer(netsnmp_session *session, int reqid, netsnmp_pdu *pdu,
				 void *magic)
{
	switch (pdu->command) {
	case AGENTX_TEST_SET:
		refuse_set(session, pdu);
		return NULL;
	case AGENTX_CLEANUP_SET: /* has no answer */
	case AGENTX_CLOSE:
	case AGENTX_RESPONSE: /* matches no request */
		return NULL;
	case AGENTX_COMMIT_SET:
	case AGENTX_UNDO_SET:
		return "a CommitSet, but every TestSet has failed";
	default:
		handle_agentx_packet(NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE, session,
				     reqid, pdu, magic);
		return NULL;
	}
}

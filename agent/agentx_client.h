/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_AGENTX_CLIENT_H
#define QMIPSEC_AGENTX_CLIENT_H

/*
 * The AgentX session with snmpd, as Net-SNMP's agent library keeps it, with a bound on
 * every wait: whatever the master does, no call blocks for longer than
 * AGENTX_CLIENT_TIMEOUT_MS.
 */
#define AGENTX_CLIENT_TIMEOUT_MS 250

/* Prepares the library: role, transport, time-outs. Before any directive is read. */
void agentx_client_init(void);

/* The socket to connect to, over whatever the configuration says; NULL: leave it. */
void agentx_client_set_socket(const char *socket);

/* Connects, or starts to try. It never fails: without a master it says so once and
 * keeps trying. */
void agentx_client_start(void);

/* Ends the session and the library. */
void agentx_client_stop(void);

#endif

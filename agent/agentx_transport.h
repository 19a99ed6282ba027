/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

/*
 * A connected stream socket as a transport of Net-SNMP. It gives the library whole
 * messages that a master may send (agentx_pdu.h), and ends the connection at the first
 * other one: the library would wait for the rest of it, skip it silently, or log a line
 * for each.
 *
 * Net-SNMP drops messages of more than AGENTX_PDU_MAX bytes, at either end, and the
 * master then waits for the answer in vain and ends the session. So the answer to a
 * request is genErr if either of the two is longer.
 *
 * Sending waits for at most AGENTX_TRANSPORT_SEND_MS. If the master has not taken the
 * message by then, the transport ends the connection, since part of the message may
 * have been sent. SIGPIPE is never raised.
 */
#define AGENTX_TRANSPORT_SEND_MS 200

/*
 * Takes over fd, which must be non-blocking, and calls closed() once it has closed fd.
 * fault: what was wrong with a message of the master; NULL if that was not the reason.
 * The library ends some sessions without telling their callback (snmp_api.c,
 * _sess_read(), "too large packet_len"), but never without closing the transport.
 * Returns NULL if there is no memory; fd then remains the caller's.
 */
netsnmp_transport *agentx_transport_new(int fd, void (*closed)(const char *fault));

/* Has the library close the transport soon, and reads nothing more. fault: as above. */
void agentx_transport_end(netsnmp_transport *base, const char *fault);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

/*
 * A connected stream socket as a transport of Net-SNMP. Sending waits for at most
 * AGENTX_TRANSPORT_SEND_MS. If the master has not taken the message by then, the
 * transport ends the connection, since part of the message may have been sent. SIGPIPE
 * is never raised.
 */
#define AGENTX_TRANSPORT_SEND_MS 200

/*
 * Takes over fd, which must be non-blocking, and calls closed() once it has closed fd.
 * The library ends some sessions without telling their callback (snmp_api.c,
 * _sess_read(), "too large packet_len"), but never without closing the transport.
 * Returns NULL if there is no memory; fd then remains the caller's.
 */
netsnmp_transport *agentx_transport_new(int fd, void (*closed)(void));

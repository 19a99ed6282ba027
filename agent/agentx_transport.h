/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

/*
 * A connected stream socket as a transport of Net-SNMP's. Neither sending nor receiving
 * waits for longer than AGENTX_TRANSPORT_SEND_MS: a message that the master does not
 * take by then ends the connection, since half of it may have gone out. SIGPIPE is
 * never raised.
 */
#define AGENTX_TRANSPORT_SEND_MS 200

/*
 * fd must be non-blocking; the transport closes it, and calls closed() when it has. The
 * library ends some sessions without telling their callback (snmp_api.c, _sess_read(),
 * "too large packet_len"), but never without closing the transport. name is for the
 * library's messages. NULL: no memory; fd is then still the caller's.
 */
netsnmp_transport *agentx_transport_new(int fd, const char *name, void (*closed)(void));

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_UNIX_TRANSPORT_H
#define QMIPSEC_UNIX_TRANSPORT_H

/*
 * A client transport for Unix sockets in place of Net-SNMP's own, which waits without
 * end in connect() once a frozen master's backlog is full, and dies of SIGPIPE when it
 * writes to one that has gone.
 */

/* Registers it, before Net-SNMP registers its own. Waits of at most timeout_ms. Each
 * attempt to connect is told of: its errno, 0 if it succeeded. */
void unix_transport_register(unsigned timeout_ms, void (*attempted)(int err));

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "agentx/agentx_address.h"

/*
 * What an administrator is told of the session: in the log each thing once, when it
 * begins and when it ends, with its meaning and its remedy; and in systemd's status
 * line "waiting for snmpd", "attached to snmpd" or "refused by snmpd".
 */

/* The master's address, which must live as long as the session. Nothing has been told
 * of it yet. */
void agentx_log_address(const struct agentx_address *address);

/* There is no session: err as agentx_connect_step() returned it; -EINPROGRESS if the
 * master has accepted the connection and not answered yet; -ECONNRESET if it has closed
 * it. */
void agentx_log_waiting(int err, int gai_error);

/* An open session has ended. */
void agentx_log_lost(void);

/* An error in the master's Response (RFC 2741, section 6.2.16) to what; it is tried
 * again every so many seconds. */
void agentx_log_refused(const char *what, long error, int seconds);

/* All is registered. */
void agentx_log_attached(void);

/* The master does not know the session any more. */
void agentx_log_forgotten(long error);

/* The master has not answered for so many seconds; it has said something. */
void agentx_log_silence(int seconds);
void agentx_log_heard(void);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "agentx/agentx_address.h"

/*
 * What the administrator reads about the session: in the log each event once, when it
 * begins and when it ends, with its meaning and its remedy; and in the unit's status
 * line "waiting for snmpd", "attached to snmpd" or "refused by snmpd".
 */

/* Sets the master's address, which must live as long as the session, and forgets what
 * was logged about another one. */
void agentx_log_address(const struct agentx_address *address);

/* There is no session. err is what agentx_connect_step() returned; -EINPROGRESS if the
 * master has accepted the connection and not answered yet; or -ECONNRESET if it has
 * closed the connection. */
void agentx_log_waiting(int err, int gai_error);

/* An open session has ended. */
void agentx_log_lost(void);

/*
 * The session has ended because of a message that no master sends (fault says which),
 * or it was one of several in a row that the master ended soon. The daemon tries again
 * every `seconds`. Until a session has lasted, none of this is logged again.
 */
void agentx_log_broken(const char *fault, int seconds);
void agentx_log_unsteady(int seconds);
void agentx_log_settled(void);

/* The master's Response to `what` has an error (RFC 2741, section 6.2.16). The daemon
 * tries again every `seconds`. */
void agentx_log_refused(const char *what, long error, int seconds);

/* The master still refuses every object, since another daemon serves them. */
void agentx_log_other_daemon(void);

/* The master has accepted every object. */
void agentx_log_attached(void);

/* The master does not know the session. */
void agentx_log_forgotten(long error);

/* The master has answered a notification: error is 0 or a code of RFC 2741. */
void agentx_log_notification(long error);

/* The master has not answered for so many seconds; it has sent a message. */
void agentx_log_silence(int seconds);
void agentx_log_heard(void);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* From now on util/log.h writes to Net-SNMP's log, which goes where -L says. */
void log_sink_install(void);

/*
 * Where Net-SNMP's log goes. chosen: -L has said so; otherwise to syslog in the
 * background, else to stderr. What keeps a daemon from starting in the background goes
 * to stderr too, wherever it logs, until it leaves the terminal.
 */
void log_sink_open(bool background, bool chosen);
void log_sink_leave_terminal(void);

/* The argument of -D: topics of util/log.h and Net-SNMP's debug tokens, in one list
 * separated by commas. "ALL" is all of both. */
void log_sink_enable(const char *tokens);

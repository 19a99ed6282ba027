/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_LOG_SINK_H
#define QMIPSEC_LOG_SINK_H

/* From now on util/log.h writes to Net-SNMP's log, which goes where -L says. */
void log_sink_install(void);

/* The argument of -D: topics of util/log.h and Net-SNMP's debug tokens, in one list
 * separated by commas. "ALL" is all of both. */
void log_sink_enable(const char *tokens);

#endif

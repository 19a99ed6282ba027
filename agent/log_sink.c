/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "log_sink.h"

#include <stdio.h>
#include <string.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "util/log.h"

static void write_to_netsnmp(int level, const char *text)
{
	snmp_log(level, "%s\n", text);
}

void log_sink_install(void)
{
	log_set_sink(write_to_netsnmp);
}

static bool on_terminal; /* stderr is logged to until the daemon leaves it */

void log_sink_open(bool background, bool chosen)
{
	if (!chosen && background)
		snmp_enable_syslog_ident("qmipsecd", LOG_DAEMON);
	on_terminal = background && !snmp_stderrlog_status();
	if (on_terminal || (!chosen && !background))
		snmp_enable_stderrlog();
}

void log_sink_leave_terminal(void)
{
	if (on_terminal)
		snmp_disable_stderrlog();
}

static void enable(char *token)
{
	if (log_enable_topic(token) && strcmp(token, "ALL") != 0)
		return;
	debug_register_tokens(token);
	snmp_set_do_debugging(1);
}

void log_sink_enable(const char *tokens)
{
	char token[64];

	for (size_t len; *tokens; tokens += len + (tokens[len] == ',')) {
		len = strcspn(tokens, ",");
		snprintf(token, sizeof(token), "%.*s", (int)len, tokens);
		enable(token);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "agentx_client.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>
#include <net-snmp/agent/agent_callbacks.h>

#include "timestamp.h"
#include "unix_transport.h"

/* Net-SNMP marks AgentX sessions by this protocol version; its header for it is not
 * installed (agent/mibgroup/agentx/protocol.h). */
#define QM_AGENTX_VERSION_1 0xC1

enum {
	PING_INTERVAL_S = 2, /* also between attempts to connect */
};

static bool connected;
static bool started;
static int last_error;    /* of the last attempt to connect */
static unsigned refusals; /* attempts in a row that lacked permission */
static bool refusal_told;

/*
 * By default every request to the master waits three times 6 s for its answer; a
 * frozen master would stop the daemon for as long.
 */
static int bound_session(int major, int minor, void *server, void *client)
{
	netsnmp_session *session = server;

	(void)major, (void)minor, (void)client;
	if (session->version == QM_AGENTX_VERSION_1) {
		session->timeout = AGENTX_CLIENT_TIMEOUT_MS * 1000L;
		session->retries = 0;
	}
	return 0;
}

/*
 * Net-SNMP 5.9 loses its way when a master dies between the opening of a session and
 * the last registration: it takes the rest of the tables for registered, and adds
 * another repeating attempt to reconnect to those that it has. So every session begins
 * with all tables marked as not registered, and with none of the library's timers,
 * which are all of these kinds; it sets the one it needs afterwards.
 */
static void begin_anew(void)
{
	snmp_alarm_unregister_all();
	register_mib_detach();
}

static int on_open(int major, int minor, void *server, void *client)
{
	(void)major, (void)minor, (void)server, (void)client;
	connected = true;
	begin_anew();
	timestamp_rebase();
	return 0;
}

static int on_close(int major, int minor, void *server, void *client)
{
	(void)major, (void)minor, (void)server, (void)client;
	if (connected)
		snmp_log(LOG_WARNING, "the AgentX master is gone; waiting for it\n");
	connected = false;
	begin_anew();
	return 0;
}

static const char *socket_name(void)
{
	const char *name =
	    netsnmp_ds_get_string(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_X_SOCKET);

	return name ? name : NETSNMP_AGENTX_SOCKET;
}

/* True if it is the socket's directory that does not let this process in. */
static bool directory_is_closed(const char *socket)
{
	char *copy = strdup(socket);
	char *slash = copy ? strrchr(copy, '/') : NULL;
	bool closed;

	if (slash && slash > copy)
		*slash = '\0';
	closed = slash && access(copy, X_OK) < 0 && errno == EACCES;
	free(copy);
	return closed;
}

/* Who snmpd is to give the socket to: this process's own user and group. (Not root:
 * snmpd takes user 0 for one that it does not know, and complains.) */
static void own_names(char *user, char *group, size_t size)
{
	const struct passwd *passwd = getpwuid(geteuid());
	const struct group *entry = getgrgid(getegid());

	snprintf(user, size, "%u", (unsigned)geteuid());
	snprintf(group, size, "%u", (unsigned)getegid());
	if (passwd)
		snprintf(user, size, "%s", passwd->pw_name);
	if (entry)
		snprintf(group, size, "%s", entry->gr_name);
}

/* What an administrator would have to change, as far as the error tells. */
static void log_waiting(void)
{
	const char *name = socket_name();
	const char *why = last_error ? strerror(last_error) : "no answer";
	char user[64];
	char group[64];

	own_names(user, group, sizeof(user));
	if (last_error == ENOENT || last_error == ECONNREFUSED)
		snmp_log(LOG_WARNING,
			 "waiting for an AgentX master at %s (%s); snmpd.conf needs "
			 "\"master agentx\" and the same agentXSocket\n",
			 name, why);
	else if (last_error == EACCES && directory_is_closed(name))
		snmp_log(LOG_WARNING,
			 "waiting for an AgentX master at %s (%s): its directory is "
			 "closed to group %s; give it mode 0755, or name a socket in "
			 "another by agentXSocket, in snmpd.conf and here\n",
			 name, why, group);
	else if (last_error == EACCES)
		snmp_log(LOG_WARNING,
			 "waiting for an AgentX master at %s (%s); snmpd.conf needs "
			 "the line \"agentXPerms 0660 0755 %s %s\", and snmpd then "
			 "a restart\n",
			 name, why, user, group);
	else
		snmp_log(LOG_WARNING, "waiting for an AgentX master at %s (%s)\n", name,
			 why);
}

/*
 * A refusal will not pass by itself, so it is told when it begins, not only at the
 * start. The first one may just have met a socket that snmpd has made but not yet given
 * away.
 */
static void on_attempt(int err)
{
	last_error = err;
	refusals = err == EACCES ? refusals + 1 : 0;
	if (!refusals)
		refusal_told = false;
	if (refusals > 1 && started && !refusal_told) {
		refusal_told = true;
		log_waiting();
	}
}

void agentx_client_init(void)
{
	signal(SIGPIPE, SIG_IGN);
	/* The library would keep a certificate index and load MIBs by name: the daemon
	 * needs neither, and there no directory can be made. */
	setenv("SNMP_PERSISTENT_DIR", "/dev/null/none", 1);
	setenv("MIBS", "", 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID, NETSNMP_DS_AGENT_ROLE, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID,
			       NETSNMP_DS_AGENT_NO_CONNECTION_WARNINGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID,
			       NETSNMP_DS_AGENT_NO_ROOT_ACCESS, 1);
	netsnmp_ds_set_string(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_APPTYPE,
			      "qmipsecd");
	/* init_snmp() is to read no files of its own accord and to write none. */
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE,
			       1);
	unix_transport_register(AGENTX_CLIENT_TIMEOUT_MS, on_attempt);
	snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_SESSION_INIT,
			       bound_session, NULL);
	init_agent("qmipsecd");
	/* init_agent() has just set it to 15; a directive may still change it. */
	netsnmp_ds_set_int(NETSNMP_DS_APPLICATION_ID,
			   NETSNMP_DS_AGENT_AGENTX_PING_INTERVAL, PING_INTERVAL_S);
	snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_START,
			       on_open, NULL);
	snmp_register_callback(SNMP_CALLBACK_APPLICATION, SNMPD_CALLBACK_INDEX_STOP,
			       on_close, NULL);
}

void agentx_client_set_socket(const char *socket)
{
	if (socket)
		netsnmp_ds_set_string(NETSNMP_DS_APPLICATION_ID,
				      NETSNMP_DS_AGENT_X_SOCKET, socket);
}

void agentx_client_start(void)
{
	init_snmp("qmipsecd");
	started = true;
	if (connected)
		return;
	refusal_told = refusals > 0;
	log_waiting();
}

void agentx_client_stop(void)
{
	connected = false;
	snmp_shutdown("qmipsecd");
	shutdown_agent();
}

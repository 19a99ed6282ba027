/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "directives.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "util/array.h"
#include "util/log.h"
#include "util/text.h"

#define ERROR_SIZE 256

/* What Net-SNMP's handlers fill in (they take no argument), and the first error. */
static struct settings *reading;
static int reading_error;

struct directive {
	const char *token;
	const char *help;
	/* Returns 0, -ENOMEM, or -EINVAL with the reason, without unprintable
	 * characters, in error of ERROR_SIZE bytes. NULL: the value is a number. */
	int (*read)(const char *line, char *error);
	double least;
	double most;
	double scale;  /* from the written number to the stored one */
	size_t offset; /* of the uint32_t in struct settings */
};

static int read_number(const struct directive *directive, const char *line, char *error)
{
	char shown[ERROR_SIZE / 2];
	uint32_t stored;
	double value;
	char *end;

	value = strtod(line, &end);
	text_clean(shown, sizeof(shown), line);
	if (*end || line[strspn(line, "0123456789.")] ||
	    !isdigit((unsigned char)*line)) {
		snprintf(error, ERROR_SIZE, "\"%s\" is not a number", shown);
		return -EINVAL;
	}
	if (value < directive->least || value > directive->most) {
		snprintf(error, ERROR_SIZE, "%s is not from %g to %.10g", shown,
			 directive->least, directive->most);
		return -EINVAL;
	}
	stored = (uint32_t)(value * directive->scale + 0.5);
	memcpy((char *)reading + directive->offset, &stored, sizeof(stored));
	return 0;
}

static int read_instance(const char *line, char *error)
{
	return instance_set_add_line(&reading->instances, line, error, ERROR_SIZE);
}

static int read_rename(const char *line, char *error)
{
	return instance_set_add_rename(&reading->instances, line, error, ERROR_SIZE);
}

static int read_discover(const char *line, char *error)
{
	bool yes = !strcasecmp(line, "yes");
	char shown[ERROR_SIZE / 2];

	if (!yes && strcasecmp(line, "no") != 0) {
		text_clean(shown, sizeof(shown), line);
		snprintf(error, ERROR_SIZE, "\"%s\" is neither yes nor no", shown);
		return -EINVAL;
	}
	reading->instances.discover = yes;
	return 0;
}

static int read_namespace(const char *line, char *error)
{
	return netns_list_add_line(&reading->namespaces, line, error, ERROR_SIZE);
}

static int read_socket(const char *line, char *error)
{
	return agentx_address_parse(line, &reading->agentx.address, error, ERROR_SIZE);
}

#define SETTING(member) offsetof(struct settings, member)

static const struct directive directives[] = {
    {"pollInterval", "SECONDS between polls of the kernel (0.1 to 3600, default 5)",
     NULL, 0.1, 3600, 1000, SETTING(poll_interval_ms)},
    {"maxAge",
     "SECONDS: how old data may be when a request arrives (0.01 to 3600, default 1)",
     NULL, 0.01, 3600, 1000, SETTING(max_age_ms)},
    {"staleAfter",
     "SECONDS: how long rows stay active without a good poll (1 to 86400, default 60)",
     NULL, 1, 86400, 1000, SETTING(stale_after_ms)},
    {"saveInterval", "SECONDS between saves of the state (1 to 86400, default 60)",
     NULL, 1, 86400, 1000, SETTING(save_interval_ms)},
    {"agentXPingInterval",
     "SECONDS between pings of the master, and between attempts to connect (1 to 3600, "
     "default 15 and 0.5)",
     NULL, 1, 3600, 1000, SETTING(agentx.interval_ms)},
    {"receiveBuffer",
     "BYTES of the kernel's event buffer (65536 to 1073741824, default 16777216)", NULL,
     65536, 1073741824, 1, SETTING(receive_buffer)},
    {"maxRows", "NUMBER of rows in a network namespace (16 to 32767, default 4096)",
     NULL, INSTANCE_ROWS_LEAST, INSTANCE_ROWS_MOST, 1, SETTING(instances.max_rows)},
    {"instance",
     "NAME [local ADDR[/LEN]] [remote ADDR[/LEN]] [reqid N] [ifid N] "
     "[mark VALUE[/MASK]] [device IF] [namespace NETNS] [descr \"TEXT\"]",
     .read = read_instance},
    {"rename", "FOUND NAME: serve the HBA that is discovered as FOUND under NAME",
     .read = read_rename},
    {"discover", "yes|no: discover HBAs in sysfs (default yes)", .read = read_discover},
    {"namespace", "NETNS: also watch this network namespace; * means all",
     .read = read_namespace},
    {"agentXSocket",
     "SOCKET of the master agent: a path, or tcp:HOST:PORT "
     "(default " NETSNMP_AGENTX_SOCKET ")",
     .read = read_socket},
};

static const struct settings defaults = {
    .poll_interval_ms = 5000,
    .max_age_ms = 1000,
    .stale_after_ms = 60000,
    .save_interval_ms = 60000,
    .receive_buffer = 16777216, /* more than 10,000 DELSA of 1.3 kB each */
};

static void handle_directive(const char *token, char *line)
{
	char error[ERROR_SIZE] = "";

	for (size_t i = 0; i < ARRAY_SIZE(directives) && reading; i++) {
		const struct directive *directive = &directives[i];
		int err;

		if (strcasecmp(directive->token, token) != 0)
			continue;
		err = directive->read ? directive->read(line, error)
				      : read_number(directive, line, error);
		if (err == -ENOMEM)
			reading_error = err;
		if (err)
			netsnmp_config_error("%s: %s", directive->token,
					     err == -ENOMEM ? "out of memory" : error);
	}
}

/* Net-SNMP only logs what is wrong in a file. Whatever it logs while the files are read
 * counts as an error, including an unknown directive. */
static int note_error(int major, int minor, void *server, void *client)
{
	const struct snmp_log_message *message = server;

	(void)major, (void)minor, (void)client;
	if (reading && message->priority <= LOG_WARNING && !reading_error)
		reading_error = -EINVAL;
	return 0;
}

void directives_list(FILE *stream)
{
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
		fprintf(stream, "%-20s %s\n", directives[i].token, directives[i].help);
}

void directives_register(void)
{
	/* The library's own, in its spelling, accept any value. */
	unregister_config_handler("qmipsecd", "agentxsocket");
	unregister_config_handler("qmipsecd", "agentxPingInterval");
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
		register_config_handler("qmipsecd", directives[i].token,
					handle_directive, NULL, directives[i].help);
	netsnmp_register_loghandler(NETSNMP_LOGHANDLER_CALLBACK, LOG_WARNING);
	snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING, note_error,
			       NULL);
}

/* Returns 0 or -errno, logged: Net-SNMP's reader skips an unreadable file. */
static int check_readable(const char *file)
{
	FILE *stream = fopen(file, "r");
	int err = !stream || (fgetc(stream) == EOF && ferror(stream)) ? -errno : 0;

	if (err)
		log_message(LOG_ERR, "%s: %s", file, strerror(-err));
	if (stream)
		fclose(stream);
	return err;
}

/* Reads DIR/qmipsecd.conf and DIR/qmipsecd.local.conf of each directory of a path.
 * read_config_files() would also read the shared snmp.conf, before init_snmp() has
 * registered its directives. */
static void read_directories(const char *path)
{
	static const char *const names[] = {"qmipsecd.conf", "qmipsecd.local.conf"};

	while (*path) {
		size_t len = strcspn(path, ":");

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			char file[PATH_MAX];

			snprintf(file, sizeof(file), "%.*s/%s", (int)len, path,
				 names[i]);
			if (!access(file, F_OK) && !check_readable(file))
				read_config_with_type(file, "qmipsecd");
		}
		path += len + (path[len] == ':');
	}
}

int directives_read(const char *file, struct settings *ret_settings)
{
	struct settings settings = defaults;
	const char *path = getenv("SNMPCONFPATH");
	char error[512];
	int err;

	agentx_address_parse(NETSNMP_AGENTX_SOCKET, &settings.agentx.address, error,
			     sizeof(error));
	err = file ? check_readable(file) : 0;
	if (err)
		return err;
	if (instance_set_init(&settings.instances) < 0) {
		log_message(LOG_ERR, "out of memory");
		return -ENOMEM;
	}
	reading = &settings;
	reading_error = 0;
	if (file)
		read_config_with_type(file, "qmipsecd");
	else
		read_directories(path ? path : get_configuration_directory());
	/* note_error() counts this message, too. */
	if (instance_set_check_size(&settings.instances, error, sizeof(error)) < 0)
		log_message(LOG_ERR, "%s", error);
	reading = NULL;
	if (reading_error)
		settings_free(&settings);
	else
		*ret_settings = settings;
	return reading_error;
}

void settings_free(struct settings *settings)
{
	instance_set_free(&settings->instances);
	netns_list_free(&settings->namespaces);
}

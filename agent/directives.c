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

#include "util/log.h"
#include "util/text.h"

enum {
	ERROR_SIZE = 256,
};

/* The settings under way while files are read; Net-SNMP's handlers take no argument. */
static struct settings *reading;
static unsigned n_complaints;
static bool out_of_memory;

/* A directive whose value is a number within limits. */
struct number {
	const char *token;
	const char *help;
	double least;
	double most;
	double scale;  /* from what is written to what is kept */
	size_t offset; /* of the uint32_t in struct settings */
};

static const struct number numbers[] = {
    {"pollInterval", "SECONDS between polls (0.1 to 3600, default 5)", 0.1, 3600, 1000,
     offsetof(struct settings, poll_interval_ms)},
    {"maxAge",
     "SECONDS that data may be old when a request comes (0.01 to 3600, default 1)",
     0.01, 3600, 1000, offsetof(struct settings, max_age_ms)},
    {"staleAfter",
     "SECONDS without a good poll until rows turn inactive (1 to 86400, default 60)", 1,
     86400, 1000, offsetof(struct settings, stale_after_ms)},
    {"saveInterval", "SECONDS between saves of the state (1 to 86400, default 60)", 1,
     86400, 1000, offsetof(struct settings, save_interval_ms)},
    {"agentXPingInterval",
     "SECONDS between checks of the master, and between attempts to connect (1 to "
     "3600, "
     "default 15 and 0.5)",
     1, 3600, 1000, offsetof(struct settings, agentx.interval_ms)},
    {"receiveBuffer",
     "BYTES of the kernel's event buffer (65536 to 1073741824, default 16777216)",
     65536, 1073741824, 1, offsetof(struct settings, receive_buffer)},
    {"maxRows", "NUMBER of rows in a network namespace (16 to 32767, default 4096)",
     INSTANCE_ROWS_LEAST, INSTANCE_ROWS_MOST, 1,
     offsetof(struct settings, instances.max_rows)},
};

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const struct settings defaults = {
    .poll_interval_ms = 5000,
    .max_age_ms = 1000,
    .stale_after_ms = 60000,
    .save_interval_ms = 60000,
    .receive_buffer = 16777216, /* 10,000 DELSA, at 1.3 kB each, and some */
};

static const struct number *find_number(const char *token)
{
	for (size_t i = 0; i < N_NUMBERS; i++)
		if (!strcasecmp(numbers[i].token, token))
			return &numbers[i];
	return NULL;
}

static void handle_number(const char *token, char *line)
{
	const struct number *number = find_number(token);
	char shown[ERROR_SIZE];
	uint32_t kept;
	double value;
	char *end;

	if (!reading || !number)
		return;
	value = strtod(line, &end);
	text_clean(shown, sizeof(shown), line);
	if (*end || line[strspn(line, "0123456789.")] ||
	    !isdigit((unsigned char)*line)) {
		netsnmp_config_error("%s: \"%s\" is not a number", number->token,
				     shown);
		return;
	}
	if (value < number->least || value > number->most) {
		netsnmp_config_error("%s: %s is not from %g to %.10g", number->token,
				     shown, number->least, number->most);
		return;
	}
	kept = (uint32_t)(value * number->scale + 0.5);
	memcpy((char *)reading + number->offset, &kept, sizeof(kept));
}

/* Directives of another form. Each reader returns 0, -ENOMEM, or -EINVAL with the
 * reason, clean, in error of ERROR_SIZE bytes. */

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
	char clean[ERROR_SIZE / 2];

	if (!yes && strcasecmp(line, "no") != 0) {
		text_clean(clean, sizeof(clean), line);
		snprintf(error, ERROR_SIZE, "\"%s\" is neither yes nor no", clean);
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

static const struct directive {
	const char *token;
	const char *help;
	int (*read)(const char *line, char *error);
} directives[] = {
    {"instance",
     "NAME [local ADDR[/LEN]] [remote ADDR[/LEN]] [reqid N] [ifid N] "
     "[mark VALUE[/MASK]] [device IF] [namespace NETNS] [descr \"TEXT\"]",
     read_instance},
    {"rename", "FOUND NAME: serve the HBA that is found as FOUND as NAME", read_rename},
    {"discover", "yes|no: look for HBAs in sysfs (default yes)", read_discover},
    {"namespace", "NETNS: watch this network namespace as well; * for all there are",
     read_namespace},
    {"agentXSocket",
     "SOCKET of the master agent: a path, or tcp:HOST:PORT "
     "(default " NETSNMP_AGENTX_SOCKET ")",
     read_socket},
};

#define N_DIRECTIVES (sizeof(directives) / sizeof(directives[0]))

static void handle_directive(const char *token, char *line)
{
	char error[ERROR_SIZE] = "";

	for (size_t i = 0; i < N_DIRECTIVES && reading; i++) {
		const struct directive *directive = &directives[i];
		int err = strcasecmp(directive->token, token)
			      ? 0
			      : directive->read(line, error);

		if (err)
			netsnmp_config_error("%s: %s", directive->token,
					     err == -ENOMEM ? "out of memory" : error);
		out_of_memory |= err == -ENOMEM;
	}
}

/* Net-SNMP only logs what is wrong in a file. Whatever it complains of while ours are
 * read counts as an error, a misspelt directive too. */
static int hear_complaint(int major, int minor, void *server, void *client)
{
	const struct snmp_log_message *message = server;

	(void)major, (void)minor, (void)client;
	if (reading && message->priority <= LOG_WARNING)
		n_complaints++;
	return 0;
}

void directives_list(FILE *stream)
{
	for (size_t i = 0; i < N_NUMBERS; i++)
		fprintf(stream, "%-20s %s\n", numbers[i].token, numbers[i].help);
	for (size_t i = 0; i < N_DIRECTIVES; i++)
		fprintf(stream, "%-20s %s\n", directives[i].token, directives[i].help);
}

void directives_register(void)
{
	/* the library's own, under its spelling: they take any value */
	unregister_config_handler("qmipsecd", "agentxsocket");
	unregister_config_handler("qmipsecd", "agentxPingInterval");
	for (size_t i = 0; i < N_NUMBERS; i++)
		register_config_handler("qmipsecd", numbers[i].token, handle_number,
					NULL, numbers[i].help);
	for (size_t i = 0; i < N_DIRECTIVES; i++)
		register_config_handler("qmipsecd", directives[i].token,
					handle_directive, NULL, directives[i].help);
	netsnmp_register_loghandler(NETSNMP_LOGHANDLER_CALLBACK, LOG_WARNING);
	snmp_register_callback(SNMP_CALLBACK_LIBRARY, SNMP_CALLBACK_LOGGING,
			       hear_complaint, NULL);
}

static int check_readable(const char *file)
{
	FILE *stream = file ? fopen(file, "r") : NULL;
	int err = 0;

	if (!file)
		return 0;
	if (!stream || (fgetc(stream) == EOF && ferror(stream)))
		err = -errno;
	if (err)
		log_message(LOG_ERR, "%s: %s", file, strerror(-err));
	if (stream)
		fclose(stream);
	return err;
}

/* DIR/qmipsecd.conf and DIR/qmipsecd.local.conf of every directory of a path. Not by
 * read_config_files(), which reads the shared snmp.conf as well, before init_snmp() has
 * registered what may stand there. */
static void read_directories(const char *path)
{
	static const char *const names[] = {"qmipsecd.conf", "qmipsecd.local.conf"};
	char *copy = strdup(path);
	char *rest = copy;
	char *dir;

	if (!copy) {
		log_message(LOG_ERR, "out of memory");
		out_of_memory = true;
	}
	while (rest && (dir = strsep(&rest, ":"))) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			char file[PATH_MAX];

			snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
			if (!access(file, F_OK) && check_readable(file) < 0)
				n_complaints++;
			else if (!access(file, F_OK))
				read_config_with_type(file, "qmipsecd");
		}
	}
	free(copy);
}

static void read_files(const char *file)
{
	const char *path = getenv("SNMPCONFPATH");

	if (file)
		read_config_with_type(file, "qmipsecd");
	else
		read_directories(path ? path : get_configuration_directory());
}

int directives_read(const char *file, struct settings *ret_settings)
{
	struct settings settings = defaults;
	char error[512];
	int err;

	agentx_address_parse(NETSNMP_AGENTX_SOCKET, &settings.agentx.address, error,
			     sizeof(error));
	err = check_readable(file);
	if (err)
		return err;
	if (instance_set_init(&settings.instances) < 0) {
		log_message(LOG_ERR, "out of memory");
		return -ENOMEM;
	}
	reading = &settings;
	n_complaints = 0;
	out_of_memory = false;
	read_files(file);
	if (instance_set_check_size(&settings.instances, error, sizeof(error)) < 0)
		log_message(LOG_ERR, "%s", error); /* counts as a complaint */
	reading = NULL;
	if (n_complaints || out_of_memory) {
		settings_free(&settings);
		return out_of_memory ? -ENOMEM : -EINVAL;
	}
	*ret_settings = settings;
	return 0;
}

void settings_free(struct settings *settings)
{
	instance_set_free(&settings->instances);
	netns_list_free(&settings->namespaces);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "directives.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "util/array.h"
#include "util/config_file.h"
#include "util/log.h"
#include "util/text.h"

#define ERROR_SIZE 512
#define LINE_ERROR_SIZE (ERROR_SIZE + 64) /* with the directive */

enum {
	INCLUDE_DEPTH = 16, /* of files that include one another */
	INCLUDES_MAX = 1000,
};

/* The files that are being read. */
struct reading {
	struct settings *settings;
	const char *file; /* the present one */
	unsigned depth;
	unsigned n_included;
	bool too_many; /* include no more: a file may include itself again and again */
	int err;       /* the first error, which has been logged */
};

struct directive {
	const char *token;
	const char *help;
	/* Returns 0, -ENOMEM, or -EINVAL with the reason, without unprintable
	 * characters, in error of ERROR_SIZE bytes. NULL: the value is a number. */
	int (*read)(struct reading *reading, const char *value, char *error);
	double least;
	double most;
	double scale;  /* from the written number to the stored one */
	size_t offset; /* of the uint32_t in struct settings */
};

static int read_number(const struct directive *directive, struct settings *settings,
		       const char *line, char *error)
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
	memcpy((char *)settings + directive->offset, &stored, sizeof(stored));
	return 0;
}

static int read_instance(struct reading *reading, const char *line, char *error)
{
	return instance_set_add_line(&reading->settings->instances, line, error,
				     ERROR_SIZE);
}

static int read_rename(struct reading *reading, const char *line, char *error)
{
	return instance_set_add_rename(&reading->settings->instances, line, error,
				       ERROR_SIZE);
}

static int read_switch(const char *line, bool *ret, char *error)
{
	bool yes = !strcasecmp(line, "yes");
	char shown[ERROR_SIZE / 2];

	if (!yes && strcasecmp(line, "no") != 0) {
		text_clean(shown, sizeof(shown), line);
		snprintf(error, ERROR_SIZE, "\"%s\" is neither yes nor no", shown);
		return -EINVAL;
	}
	*ret = yes;
	return 0;
}

static int read_discover(struct reading *reading, const char *line, char *error)
{
	return read_switch(line, &reading->settings->instances.discover, error);
}

static int read_peers(struct reading *reading, const char *line, char *error)
{
	return read_switch(line, &reading->settings->peers.enabled, error);
}

static int read_peer(struct reading *reading, const char *line, char *error)
{
	return peer_config_add_line(&reading->settings->peers, line, error, ERROR_SIZE);
}

static int read_notify(struct reading *reading, const char *line, char *error)
{
	return notify_config_add_line(&reading->settings->notify, line, error,
				      ERROR_SIZE);
}

static int read_namespace(struct reading *reading, const char *line, char *error)
{
	return netns_list_add_line(&reading->settings->namespaces, line, error,
				   ERROR_SIZE);
}

static int read_socket(struct reading *reading, const char *line, char *error)
{
	return agentx_address_parse(line, &reading->settings->agentx.address, error,
				    ERROR_SIZE);
}

static int read_include(struct reading *reading, const char *file, char *error);
static int read_include_dir(struct reading *reading, const char *dir, char *error);

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
    {"agentXTimeout",
     "SECONDS for which the master waits for an answer (1 to 255, default: the "
     "master's own)",
     NULL, 1, 255, 1, SETTING(agentx.timeout_s)},
    {"maxRequestLoad",
     "PERCENT of one processor that requests may use, on average (1 to 100, default "
     "4; 100: no limit)",
     NULL, 1, 100, 1, SETTING(agentx.load_percent)},
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
    {"peers", "yes|no: serve the traffic of each remote endpoint (default yes)",
     .read = read_peers},
    {"peer", "ADDR[/LEN] [\"LABEL\"]: label a peer; all peers in a prefix become one",
     .read = read_peer},
    {"maxPeers", "NUMBER of peers in a network namespace (16 to 100000, default 4096)",
     NULL, PEERS_LEAST, PEERS_MOST, 1, SETTING(peers.max_peers)},
    {"peerHoldDown",
     "SECONDS without an SA until a peer is not active (0 to 86400, default 30)", NULL,
     0, 86400, 1000, SETTING(peers.hold_down_ms)},
    {"notify",
     "instances|peers|unprotected|all, or errors [PACKETS [SECONDS]]: send "
     "notifications",
     .read = read_notify},
    {"notifyHoldDown",
     "SECONDS for which a state must last until it is notified (0 to 3600, default 10)",
     NULL, 0, 3600, 1000, SETTING(notify.hold_down_ms)},
    {"namespace", "NETNS: also watch this network namespace; * means all",
     .read = read_namespace},
    {"agentXSocket",
     "SOCKET of the master agent: a path, or tcp:HOST:PORT "
     "(default " AGENTX_SOCKET ")",
     .read = read_socket},
    {"includeFile", "FILE: also read this file, here", .read = read_include},
    {"includeDir", "DIRECTORY: also read its files *.conf, here, sorted by name",
     .read = read_include_dir},
};

static const struct settings defaults = {
    .agentx.load_percent = 4,
    .poll_interval_ms = 5000,
    .max_age_ms = 1000,
    .stale_after_ms = 60000,
    .save_interval_ms = 60000,
    .receive_buffer = 16777216, /* more than 10,000 DELSA of 1.3 kB each */
};

void directives_list(FILE *stream)
{
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
		fprintf(stream, "%-20s %s\n", directives[i].token, directives[i].help);
}

/* The directive of that name, in letters of either case; NULL: there is none. */
static const struct directive *find_directive(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(directives); i++)
		if (!strcasecmp(directives[i].token, name))
			return &directives[i];
	return NULL;
}

/* The directive that may have been meant, or NULL. */
static const char *find_similar(const char *name)
{
	const char *best = NULL;
	size_t least = 3;

	for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
		size_t distance = text_distance(name, directives[i].token);

		if (distance < least && distance < strlen(name) / 2) {
			least = distance;
			best = directives[i].token;
		}
	}
	return best;
}

static void explain_unknown(const char *name, char *error)
{
	const char *similar = find_similar(name);
	char shown[ERROR_SIZE / 2];

	text_clean(shown, sizeof(shown), name);
	if (similar)
		snprintf(error, ERROR_SIZE,
			 "unknown directive \"%s\"; did you mean %s?", shown, similar);
	else
		snprintf(error, ERROR_SIZE,
			 "unknown directive \"%s\"; \"qmipsecd -H\" lists all", shown);
}

/* Returns 0, or -errno with the reason in error (LINE_ERROR_SIZE bytes). */
static int read_line(struct reading *reading, const struct config_file_line *line,
		     char *error)
{
	const struct directive *directive = find_directive(line->directive);
	char reason[ERROR_SIZE] = "out of memory";
	int err;

	if (line->has_nul) {
		snprintf(error, ERROR_SIZE, "contains a byte 0: not a text file?");
		return -EINVAL;
	}
	if (!directive) {
		explain_unknown(line->directive, error);
		return -EINVAL;
	}
	if (!*line->value) {
		snprintf(error, ERROR_SIZE, "%s needs a value: %s", directive->token,
			 directive->help);
		return -EINVAL;
	}
	err = directive->read
		  ? directive->read(reading, line->value, reason)
		  : read_number(directive, reading->settings, line->value, reason);
	if (err)
		snprintf(error, LINE_ERROR_SIZE, "%s: %s", directive->token, reason);
	return err;
}

/* Every error is logged, so that one look at the log is enough to mend the file. */
static void handle_line(void *ctx, const struct config_file_line *line)
{
	struct reading *reading = ctx;
	char error[LINE_ERROR_SIZE];
	char file[PATH_MAX];
	int err = read_line(reading, line, error);

	if (!err)
		return;
	text_clean(file, sizeof(file), line->file);
	log_message(LOG_ERR, "%s: line %u: %s", file, line->number, error);
	if (!reading->err)
		reading->err = err;
}

/* Files. */

static int read_file(struct reading *reading, const char *file)
{
	const char *including = reading->file;
	int err;

	reading->file = file;
	err = config_file_read(file, handle_line, reading);
	reading->file = including;
	return err;
}

static int fail_at(const char *path, int err, char *error)
{
	char shown[ERROR_SIZE / 2];

	text_clean(shown, sizeof(shown), path);
	snprintf(error, ERROR_SIZE, "%s: %s", shown, strerror(-err));
	return err == -ENOMEM ? err : -EINVAL;
}

static int include(struct reading *reading, const char *path, char *error)
{
	int err;

	if (reading->too_many)
		return 0; /* has been logged */
	if (reading->depth == INCLUDE_DEPTH || reading->n_included == INCLUDES_MAX) {
		reading->too_many = true;
		snprintf(
		    error, ERROR_SIZE,
		    "more than %d files include one another, or more than %d files "
		    "in all",
		    INCLUDE_DEPTH, INCLUDES_MAX);
		return -EINVAL;
	}
	reading->n_included++;
	reading->depth++;
	err = read_file(reading, path);
	reading->depth--;
	return err ? fail_at(path, err, error) : 0;
}

/* A relative path begins at the directory of the file that contains it. */
static int make_path(const struct reading *reading, const char *name, char *path)
{
	const char *slash = *name == '/' ? NULL : strrchr(reading->file, '/');
	int dir_len = slash ? (int)(slash + 1 - reading->file) : 0;
	int len = snprintf(path, PATH_MAX, "%.*s%s", dir_len, reading->file, name);

	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int read_include(struct reading *reading, const char *file, char *error)
{
	char path[PATH_MAX];
	int err = make_path(reading, file, path);

	return err ? fail_at(file, err, error) : include(reading, path, error);
}

static int is_conf(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return *entry->d_name != '.' && dot && !strcmp(dot, ".conf");
}

static int read_include_dir(struct reading *reading, const char *dir, char *error)
{
	struct dirent **entries;
	char path[PATH_MAX];
	size_t len;
	int err = make_path(reading, dir, path);
	int n;

	if (err)
		return fail_at(dir, err, error);
	n = scandir(path, &entries, is_conf, alphasort);
	if (n < 0)
		return fail_at(dir, -errno, error);
	len = strlen(path);
	for (int i = 0; i < n; i++) {
		snprintf(path + len, sizeof(path) - len, "/%s", entries[i]->d_name);
		if (!err)
			err = include(reading, path, error);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static void read_first(struct reading *reading, const char *file)
{
	int err = read_file(reading, file);

	if (!err)
		return;
	log_message(LOG_ERR, "%s: %s", file, strerror(-err));
	if (!reading->err)
		reading->err = err;
}

/* Reads DIR/qmipsecd.conf and DIR/qmipsecd.local.conf, if they exist, of each directory
 * of a path. */
static void read_directories(struct reading *reading, const char *path)
{
	static const char *const names[] = {"qmipsecd.conf", "qmipsecd.local.conf"};

	while (*path) {
		size_t len = strcspn(path, ":");

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			char file[PATH_MAX];

			snprintf(file, sizeof(file), "%.*s/%s", (int)len, path,
				 names[i]);
			if (!access(file, F_OK))
				read_first(reading, file);
		}
		path += len + (path[len] == ':');
	}
}

static void check_whole(struct reading *reading)
{
	char error[ERROR_SIZE];

	if (!instance_set_check_size(&reading->settings->instances, error,
				     sizeof(error)))
		return;
	log_message(LOG_ERR, "%s", error);
	if (!reading->err)
		reading->err = -EINVAL;
}

int directives_read(const char *file, struct settings *ret_settings)
{
	struct settings settings = defaults;
	struct reading reading = {.settings = &settings};
	const char *path = getenv("SNMPCONFPATH");
	char error[ERROR_SIZE];

	settings.peers = peer_config_default;
	settings.notify = notify_config_default;
	agentx_address_parse(AGENTX_SOCKET, &settings.agentx.address, error,
			     sizeof(error));
	if (instance_set_init(&settings.instances) < 0) {
		log_message(LOG_ERR, "out of memory");
		return -ENOMEM;
	}
	if (file)
		read_first(&reading, file);
	else
		read_directories(&reading, path ? path : get_configuration_directory());
	check_whole(&reading);
	if (reading.err)
		settings_free(&settings);
	else
		*ret_settings = settings;
	return reading.err;
}

void settings_free(struct settings *settings)
{
	instance_set_free(&settings->instances);
	netns_list_free(&settings->namespaces);
	peer_config_free(&settings->peers);
}

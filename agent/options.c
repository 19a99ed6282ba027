/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "log_sink.h"
#include "util/log.h"

enum {
	OPTION_STATE_DIR = 256,
	OPTION_SYSFS_ROOT,
	OPTION_NETNS_DIR,
	OPTION_ONCE,
	OPTION_FORMAT,
	OPTION_CHECK_CONFIG,
};

static const struct option long_options[] = {
    {"state-dir", required_argument, NULL, OPTION_STATE_DIR},
    {"sysfs-root", required_argument, NULL, OPTION_SYSFS_ROOT},
    {"netns-dir", required_argument, NULL, OPTION_NETNS_DIR},
    {"once", no_argument, NULL, OPTION_ONCE},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_help(FILE *stream)
{
	fputs(
	    "Usage: qmipsecd [OPTION]...\n"
	    "Serve the IPsec statistics of iSCSI HBAs to snmpd over AgentX.\n"
	    "\n"
	    "  -f                 stay in the foreground\n"
	    "  -x SOCKET          AgentX socket of the master agent\n"
	    "  -c FILE            read FILE instead of qmipsecd.conf in the default "
	    "places\n"
	    "  -L OPTS            where to log, as for snmpd: -Le stderr, -Lf FILE, "
	    "-Lsd\n"
	    "                     syslog (default: stderr with -f, else syslog)\n"
	    "  -D TOPIC[,TOPIC]   debugging output of these topics (see below), and of "
	    "the\n"
	    "                     SNMP library's debug tokens, as for snmpd; ALL: of "
	    "all\n"
	    "  -p PIDFILE         write the process id to PIDFILE\n"
	    "  -H                 list the configuration directives and exit\n"
	    "  -v, --version      print the version and exit\n"
	    "  -h, --help         print this help and exit\n"
	    "      --state-dir DIR    keep counters over restarts in DIR (default: "
	    "/run/qmipsecd\n"
	    "                         if it is there)\n"
	    "      --sysfs-root DIR   where sysfs is (default: /sys)\n"
	    "      --netns-dir DIR    where network namespaces have their names "
	    "(default:\n"
	    "                         /run/netns; Docker's are in /run/docker/netns)\n"
	    "      --once             collect once, print and exit; needs no snmpd\n"
	    "      --format FORMAT    of --once: table (default) or json\n"
	    "      --check-config     check the configuration and exit\n"
	    "\n"
	    "Topics of -D:\n",
	    stream);
	log_list_topics(stream, "  ");
}

static enum options_result bad(const char *what)
{
	fprintf(stderr, "qmipsecd: %s\nTry \"qmipsecd --help\".\n", what);
	return OPTIONS_EXIT_BAD;
}

static enum options_result set_format(struct options *options, const char *format)
{
	options->json = !strcmp(format, "json");
	if (!options->json && strcmp(format, "table") != 0)
		return bad("--format is table or json");
	return OPTIONS_RUN;
}

/* A relative path is of the directory that the program is started in. */
static enum options_result set_socket(struct options *options, const char *text)
{
	char absolute[PATH_MAX];
	char error[256];
	char *here;

	if (*text != '/' && !strchr(text, ':')) {
		here = getcwd(NULL, 0);
		if (!here)
			return bad("-x: cannot tell the current directory");
		snprintf(absolute, sizeof(absolute), "%s/%s", here, text);
		text = absolute;
		free(here);
	}
	if (!agentx_address_parse(text, &options->socket, error, sizeof(error)))
		return OPTIONS_RUN;
	fprintf(stderr, "qmipsecd: -x: %s\n", error);
	return OPTIONS_EXIT_BAD;
}

static enum options_result set_option(struct options *options, int option, int argc,
				      char **argv)
{
	switch (option) {
	case 'f':
		options->foreground = true;
		break;
	case 'x':
		return set_socket(options, optarg);
	case 'c':
		options->config = optarg;
		break;
	case 'L':
		options->logging = true;
		snmp_log_syslogname("qmipsecd");
		if (snmp_log_options(optarg, argc, argv) < 0)
			return bad("-L: no such way to log; see snmpcmd(1)");
		break;
	case 'D':
		log_sink_enable(optarg);
		break;
	case 'p':
		options->pid_file = optarg;
		break;
	case 'H':
		options->list_directives = true;
		break;
	case OPTION_STATE_DIR:
		options->state_dir = optarg;
		break;
	case OPTION_SYSFS_ROOT:
		options->sysfs_root = optarg;
		break;
	case OPTION_NETNS_DIR:
		options->netns_dir = optarg;
		break;
	case OPTION_ONCE:
		options->once = true;
		break;
	case OPTION_FORMAT:
		return set_format(options, optarg);
	case OPTION_CHECK_CONFIG:
		options->check_config = true;
		break;
	case 'v':
		printf("qmipsecd %s (Net-SNMP %s)\n", PACKAGE_VERSION,
		       netsnmp_get_version());
		return OPTIONS_EXIT_GOOD;
	case 'h':
		print_help(stdout);
		return OPTIONS_EXIT_GOOD;
	default:
		fputs("Try \"qmipsecd --help\".\n", stderr);
		return OPTIONS_EXIT_BAD;
	}
	return OPTIONS_RUN;
}

/* What the program does, of which there is one at a time. */
enum {
	MODE_DAEMON = 1,
	MODE_ONCE = 2,
	MODE_CHECK_CONFIG = 4,
	MODE_LIST = 8,
};

static const struct {
	unsigned mode;
	const char *name;
} modes[] = {
    {MODE_ONCE, "--once"},
    {MODE_CHECK_CONFIG, "--check-config"},
    {MODE_LIST, "-H"},
};

/* Options that not every mode heeds. -f they all do: only a daemon leaves the terminal.
 */
static const struct {
	int option;
	const char *name;
	unsigned modes;
} heeded[] = {
    {'x', "-x", MODE_DAEMON},
    {'c', "-c", MODE_DAEMON | MODE_ONCE | MODE_CHECK_CONFIG},
    {'p', "-p", MODE_DAEMON},
    {OPTION_STATE_DIR, "--state-dir", MODE_DAEMON},
    {OPTION_SYSFS_ROOT, "--sysfs-root", MODE_DAEMON | MODE_ONCE},
    {OPTION_NETNS_DIR, "--netns-dir", MODE_DAEMON | MODE_ONCE},
    {OPTION_FORMAT, "--format", MODE_ONCE},
};

#define N_HEEDED (sizeof(heeded) / sizeof(heeded[0]))

static void note_given(bool given[N_HEEDED], int option)
{
	for (size_t i = 0; i < N_HEEDED; i++)
		given[i] |= heeded[i].option == option;
}

static enum options_result bad_pair(const char *one, const char *other)
{
	char what[80];

	snprintf(what, sizeof(what), "%s does not go with %s", one, other);
	return bad(what);
}

/* An option that would be ignored is an error. */
static enum options_result check_pairs(const struct options *options,
				       const bool given[N_HEEDED])
{
	unsigned wanted = (options->once ? MODE_ONCE : 0u) |
			  (options->check_config ? MODE_CHECK_CONFIG : 0u) |
			  (options->list_directives ? MODE_LIST : 0u);
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!(wanted & modes[i].mode))
			continue;
		if (name)
			return bad_pair(modes[i].name, name);
		name = modes[i].name;
	}
	for (size_t i = 0; i < N_HEEDED; i++) {
		if (!given[i] || heeded[i].modes & (name ? wanted : MODE_DAEMON))
			continue;
		return name ? bad_pair(heeded[i].name, name)
			    : bad("--format goes with --once only");
	}
	return OPTIONS_RUN;
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
	struct options options = {.sysfs_root = "/sys", .netns_dir = "/run/netns"};
	bool given[N_HEEDED] = {false};
	enum options_result pairs;
	int option;

	while ((option = getopt_long(argc, argv, "fx:c:L:D:p:Hvh", long_options,
				     NULL)) != -1) {
		enum options_result result = set_option(&options, option, argc, argv);

		if (result != OPTIONS_RUN)
			return result;
		note_given(given, option);
	}
	if (optind < argc) {
		fprintf(stderr, "qmipsecd: unexpected argument \"%s\"\n", argv[optind]);
		return bad("it takes options only");
	}
	pairs = check_pairs(&options, given);
	if (pairs == OPTIONS_RUN)
		*ret = options;
	return pairs;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* A path from the current directory as one from the root: on the heap, NULL for lack of
 * memory or of the directory's name, as errno says. */
static char *make_absolute(const char *path)
{
	char *here = getcwd(NULL, 0);
	char *absolute = NULL;

	if (here && asprintf(&absolute, "%s/%s", here, path) < 0)
		absolute = NULL;
	free(here);
	return absolute;
}

static enum options_result set_socket(struct options *options, const char *text)
{
	bool is_relative = *text != '/' && !strchr(text, ':');
	char *absolute = is_relative ? make_absolute(text) : NULL;
	char error[256];
	int err;

	if (is_relative && !absolute)
		return bad("-x: cannot tell the current directory");
	err = agentx_address_parse(is_relative ? absolute : text, &options->socket,
				   error, sizeof(error));
	free(absolute);
	if (!err)
		return OPTIONS_RUN;
	fprintf(stderr, "qmipsecd: -x: %s\n", error);
	return OPTIONS_EXIT_BAD;
}

/* Options with an argument, and the modes that heed them. -f they all do: only a daemon
 * leaves the terminal. */
static const struct heeded {
	int option;
	const char *name;
	unsigned modes;
	size_t path; /* offset of the string in struct options; 0: it is no path */
} heeded[] = {
    {'x', "-x", OPTIONS_DAEMON, 0},
    {'c', "-c", OPTIONS_DAEMON | OPTIONS_ONCE | OPTIONS_CHECK_CONFIG,
     offsetof(struct options, config)},
    {'p', "-p", OPTIONS_DAEMON, offsetof(struct options, pid_file)},
    {OPTION_STATE_DIR, "--state-dir", OPTIONS_DAEMON,
     offsetof(struct options, state_dir)},
    {OPTION_SYSFS_ROOT, "--sysfs-root", OPTIONS_DAEMON | OPTIONS_ONCE,
     offsetof(struct options, sysfs_root)},
    {OPTION_NETNS_DIR, "--netns-dir", OPTIONS_DAEMON | OPTIONS_ONCE,
     offsetof(struct options, netns_dir)},
    {OPTION_FORMAT, "--format", OPTIONS_ONCE, 0},
};

#define N_HEEDED (sizeof(heeded) / sizeof(heeded[0]))

static const char **path_of(struct options *options, const struct heeded *option)
{
	return option->path ? (const char **)((char *)options + option->path) : NULL;
}

/* Notes that it was given, and its argument if that is a path. */
static void note_given(struct options *options, bool given[N_HEEDED], int option)
{
	for (size_t i = 0; i < N_HEEDED; i++) {
		const char **path = path_of(options, &heeded[i]);

		if (heeded[i].option != option)
			continue;
		given[i] = true;
		if (path)
			*path = optarg;
	}
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
	case 'L':
		options->logging = true;
		snmp_log_syslogname("qmipsecd");
		if (snmp_log_options(optarg, argc, argv) < 0)
			return bad("-L: no such way to log; see snmpcmd(1)");
		break;
	case 'D':
		log_sink_enable(optarg);
		break;
	case 'H':
		options->mode |= OPTIONS_LIST_DIRECTIVES;
		break;
	case OPTION_ONCE:
		options->mode |= OPTIONS_ONCE;
		break;
	case OPTION_FORMAT:
		return set_format(options, optarg);
	case OPTION_CHECK_CONFIG:
		options->mode |= OPTIONS_CHECK_CONFIG;
		break;
	case 'c':
	case 'p':
	case OPTION_STATE_DIR:
	case OPTION_SYSFS_ROOT:
	case OPTION_NETNS_DIR:
		break; /* note_given() takes the path */
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

static const struct {
	unsigned mode;
	const char *name;
} modes[] = {
    {OPTIONS_ONCE, "--once"},
    {OPTIONS_CHECK_CONFIG, "--check-config"},
    {OPTIONS_LIST_DIRECTIVES, "-H"},
};

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
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!(options->mode & modes[i].mode))
			continue;
		if (name)
			return bad_pair(modes[i].name, name);
		name = modes[i].name;
	}
	for (size_t i = 0; i < N_HEEDED; i++) {
		if (!given[i] || heeded[i].modes & options->mode)
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
		note_given(&options, given, option);
	}
	if (optind < argc) {
		fprintf(stderr, "qmipsecd: unexpected argument \"%s\"\n", argv[optind]);
		return bad("it takes options only");
	}
	if (!options.mode)
		options.mode = OPTIONS_DAEMON;
	pairs = check_pairs(&options, given);
	if (pairs == OPTIONS_RUN)
		*ret = options;
	return pairs;
}

/* Without --state-dir the runtime directory is used; root makes it. */
static void choose_state_dir(struct options *options)
{
	static const char dir[] = "/run/qmipsecd";

	if (options->state_dir || options->mode != OPTIONS_DAEMON)
		return;
	if (geteuid() == 0)
		mkdir(dir, 0700);
	if (!access(dir, W_OK | X_OK))
		options->state_dir = dir;
	else
		log_message(LOG_WARNING,
			    "counters will start anew after a restart: there is no %s "
			    "to save them in; see --state-dir",
			    dir);
}

int options_settle_paths(struct options *options)
{
	choose_state_dir(options);
	for (size_t i = 0; i < N_HEEDED; i++) {
		const char **path = path_of(options, &heeded[i]);
		char *absolute;
		int err;

		if (!path || !*path || **path == '/')
			continue;
		absolute = make_absolute(*path);
		if (!absolute) {
			err = -errno;
			log_message(LOG_ERR,
				    "%s: cannot tell the directory that it is in: %s",
				    *path, strerror(-err));
			return err;
		}
		*path = absolute;
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "util/array.h"
#include "util/log.h"

enum {
	OPTION_STATE_DIR = 256,
	OPTION_SYSFS_ROOT,
	OPTION_NETNS_DIR,
	OPTION_ONCE,
	OPTION_SAS,
	OPTION_WATCH,
	OPTION_FRESH,
	OPTION_FORMAT,
	OPTION_CHECK_CONFIG,
};

static const struct option long_options[] = {
    {"state-dir", required_argument, NULL, OPTION_STATE_DIR},
    {"sysfs-root", required_argument, NULL, OPTION_SYSFS_ROOT},
    {"netns-dir", required_argument, NULL, OPTION_NETNS_DIR},
    {"once", optional_argument, NULL, OPTION_ONCE},
    {"sas", no_argument, NULL, OPTION_SAS},
    {"watch", optional_argument, NULL, OPTION_WATCH},
    {"fresh", no_argument, NULL, OPTION_FRESH},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"version", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "Usage: qmipsecd [OPTION]...\n"
    "       qmipsecd --once[=VIEW] [OPTION]... [INSTANCE]...\n"
    "       qmipsecd --watch[=SECONDS] [OPTION]... [INSTANCE]...\n"
    "Serve the IPsec statistics of iSCSI HBAs to snmpd over AgentX.\n"
    "\n"
    "  -f                 stay in the foreground\n"
    "  -x SOCKET          AgentX socket of the master agent\n"
    "  -c FILE            read FILE instead of qmipsecd.conf in the default\n"
    "                     directories\n"
    "  -L OPTS            where to log, as for snmpd: -Le to standard error, -Lf FILE\n"
    "                     to a file, -Lsd to syslog (default: -Le with -f, else -Lsd)\n"
    "  -D TOPIC[,TOPIC]   log debug messages of these topics (see below) or of debug\n"
    "                     tokens of the SNMP library; ALL enables all of both\n"
    "  -p PIDFILE         write the process ID to PIDFILE\n"
    "  -H                 list the configuration directives and exit\n"
    "  -v, --version      print the version and exit\n"
    "  -h, --help         print this help and exit\n"
    "      --state-dir DIR    save the counters in DIR, so that they continue after a\n"
    "                         restart (default: /run/qmipsecd if it exists)\n"
    "      --sysfs-root DIR   where sysfs is mounted (default: /sys)\n"
    "      --netns-dir DIR    the directory of the names of network namespaces\n"
    "                         (default: /run/netns; Docker uses /run/docker/netns)\n"
    "      --once[=VIEW]      poll once, print a VIEW (of the INSTANCEs only, if any\n"
    "                         are given) and exit; needs no snmpd. VIEW: instances\n"
    "                         (default), peers or sas\n"
    "      --sas              the same as --once=sas: each SA, its row, and why\n"
    "      --watch[=SECONDS]  poll every 2 or SECONDS and show what instances and\n"
    "                         peers carry per second, until q is typed\n"
    "      --fresh            with --once or --watch: begin with what the kernel has\n"
    "                         now, not with the counters that the daemon has saved\n"
    "      --format FORMAT    output format of --once: table (default) or json\n"
    "      --check-config     check the configuration and exit\n"
    "\n"
    "Topics of -D:\n";

/* Prints what is wrong and exits. */
__attribute__((noreturn, format(printf, 1, 2))) static void bad(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("qmipsecd: ", stderr);
	vfprintf(stderr, format, arguments);
	fputs("\nTry \"qmipsecd --help\".\n", stderr);
	va_end(arguments);
	exit(EXIT_FAILURE);
}

/* Returns a relative path as an absolute one, on the heap; NULL as errno says. */
static char *make_absolute(const char *path)
{
	char *here = get_current_dir_name();
	char *absolute;
	int len = here ? asprintf(&absolute, "%s/%s", here, path) : -1;

	free(here);
	return len < 0 ? NULL : absolute;
}

static void set_socket(struct options *options, const char *text)
{
	bool is_relative = *text != '/' && !strchr(text, ':');
	char *absolute = is_relative ? make_absolute(text) : NULL;
	char error[256];

	if (is_relative && !absolute)
		bad("-x: cannot determine the current directory");
	if (agentx_address_parse(is_relative ? absolute : text, &options->socket, error,
				 sizeof(error)) < 0)
		bad("-x: %s", error);
	free(absolute);
}

static void enable_debug(char *token)
{
	if (log_enable_topic(token) && strcmp(token, "ALL") != 0)
		return;
	debug_register_tokens(token);
	snmp_set_do_debugging(1);
}

/* name: NULL if no view was named. */
static void set_view(struct options *options, const char *name)
{
	enum report_view view = REPORT_INSTANCES;

	options->mode |= OPTIONS_ONCE;
	if (!name)
		return;
	while (view < N_REPORT_VIEWS && strcmp(name, report_view_names[view]) != 0)
		view++;
	if (view == N_REPORT_VIEWS)
		bad("--once is instances, peers or sas");
	if (options->view_named && options->view != view)
		bad("--once=%s does not go with --once=%s", name,
		    report_view_names[options->view]);
	options->view = view;
	options->view_named = true;
}

/* text: NULL for the default. */
static void set_watch(struct options *options, const char *text)
{
	const double least = (double)WATCH_LEAST_MS / 1000;
	const double most = (double)WATCH_MOST_MS / 1000;
	char *end = NULL;
	double seconds = text ? strtod(text, &end) : 2;

	if (text && (end == text || *end || !(seconds >= least) || seconds > most))
		bad("--watch takes a number of seconds from %g to %g", least, most);
	options->mode |= OPTIONS_WATCH;
	options->watch_ms = (uint32_t)(seconds * 1000 + 0.5);
}

static void set_option(struct options *options, int option, int argc, char **argv)
{
	switch (option) {
	case 'f':
		options->foreground = true;
		break;
	case 'x':
		set_socket(options, optarg);
		break;
	case 'c':
		options->config = optarg;
		break;
	case 'L':
		options->logging = true;
		if (snmp_log_options(optarg, argc, argv) < 0)
			bad("-L: unknown option; see snmpcmd(1)");
		break;
	case 'D':
		for (char *rest = optarg, *token; (token = strsep(&rest, ","));)
			enable_debug(token);
		break;
	case 'p':
		options->pid_file = optarg;
		break;
	case OPTION_STATE_DIR:
		options->paths.state_dir = optarg;
		break;
	case OPTION_SYSFS_ROOT:
		options->paths.sysfs_root = optarg;
		break;
	case OPTION_NETNS_DIR:
		options->paths.netns_dir = optarg;
		break;
	case OPTION_FORMAT:
		options->format = optarg;
		if (strcmp(optarg, "json") != 0 && strcmp(optarg, "table") != 0)
			bad("--format is table or json");
		break;
	case 'H':
		options->mode |= OPTIONS_LIST_DIRECTIVES;
		break;
	case OPTION_ONCE:
		set_view(options, optarg);
		break;
	case OPTION_SAS:
		set_view(options, report_view_names[REPORT_SAS]);
		break;
	case OPTION_WATCH:
		set_watch(options, optarg);
		break;
	case OPTION_FRESH:
		options->fresh = true;
		break;
	case OPTION_CHECK_CONFIG:
		options->mode |= OPTIONS_CHECK_CONFIG;
		break;
	case 'v':
		printf("qmipsecd %s (Net-SNMP %s)\n", PACKAGE_VERSION,
		       netsnmp_get_version());
		exit(EXIT_SUCCESS);
	case 'h':
		fputs(help, stdout);
		log_list_topics(stdout, "  ");
		exit(EXIT_SUCCESS);
	default: /* getopt_long() has printed what is wrong */
		fputs("Try \"qmipsecd --help\".\n", stderr);
		exit(EXIT_FAILURE);
	}
}

/* An option that would have no effect is an error, except -f. */
static void check_pairs(const struct options *options)
{
	const struct {
		unsigned mode;
		const char *name;
	} modes[] = {
	    {OPTIONS_ONCE, "--once"},
	    {OPTIONS_WATCH, "--watch"},
	    {OPTIONS_CHECK_CONFIG, "--check-config"},
	    {OPTIONS_LIST_DIRECTIVES, "-H"},
	};
	const struct {
		const char *name;
		bool is_given;
		unsigned modes; /* in which it has an effect */
	} others[] = {
	    {"-x", options->socket.family != AF_UNSPEC, OPTIONS_DAEMON},
	    {"-c", options->config, ~(unsigned)OPTIONS_LIST_DIRECTIVES},
	    {"-p", options->pid_file, OPTIONS_DAEMON},
	    {"--state-dir", options->paths.state_dir, OPTIONS_POLLING},
	    {"--sysfs-root", options->paths.sysfs_root, OPTIONS_POLLING},
	    {"--netns-dir", options->paths.netns_dir, OPTIONS_POLLING},
	    {"--format", options->format, OPTIONS_ONCE},
	    {"--fresh", options->fresh, OPTIONS_ONCE | OPTIONS_WATCH},
	};
	const char *mode = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!(options->mode & modes[i].mode))
			continue;
		if (mode)
			bad("%s does not go with %s", modes[i].name, mode);
		mode = modes[i].name;
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (!others[i].is_given || others[i].modes & options->mode)
			continue;
		if (!mode)
			bad("%s goes with --once%s only", others[i].name,
			    others[i].modes & OPTIONS_WATCH ? " and --watch" : "");
		bad("%s does not go with %s", others[i].name, mode);
	}
	if (options->fresh && options->paths.state_dir)
		bad("--state-dir does not go with --fresh");
}

void options_parse(int argc, char **argv, struct options *ret)
{
	int option;

	*ret = (struct options){0};
	while ((option = getopt_long(argc, argv, "fx:c:L:D:p:Hvh", long_options,
				     NULL)) != -1)
		set_option(ret, option, argc, argv);
	if (!ret->mode)
		ret->mode = OPTIONS_DAEMON;
	check_pairs(ret);
	if (optind < argc && !(ret->mode & (OPTIONS_ONCE | OPTIONS_WATCH)))
		bad("unexpected argument \"%s\"; an instance goes with --once and "
		    "--watch only",
		    argv[optind]);
	ret->instances = (const char *const *)&argv[optind];
	ret->n_instances = (size_t)(argc - optind);
}

/* The state is the daemon's, and is only read. There may be no daemon, but a directory
 * that is named should exist. */
static void borrow_state_dir(struct options *options, const char *standard)
{
	if (options->fresh)
		return;
	if (!options->paths.state_dir)
		options->paths.state_dir = standard;
	else if (access(options->paths.state_dir, F_OK) < 0)
		log_message(LOG_WARNING,
			    "--state-dir %s: %s: only what the kernel has now is shown",
			    options->paths.state_dir, strerror(errno));
}

/* The default is the runtime directory, which root makes. */
static void choose_state_dir(struct options *options)
{
	static const char dir[] = "/run/qmipsecd";

	if (options->mode == OPTIONS_ONCE || options->mode == OPTIONS_WATCH) {
		borrow_state_dir(options, dir);
		return;
	}
	if (options->paths.state_dir || options->mode != OPTIONS_DAEMON)
		return;
	if (geteuid() == 0)
		mkdir(dir, 0700);
	if (!access(dir, W_OK | X_OK))
		options->paths.state_dir = dir;
	else
		log_message(LOG_WARNING,
			    "counters will begin at 0 after a restart: there is no "
			    "directory %s to save them in; see --state-dir",
			    dir);
}

int options_settle_paths(struct options *options)
{
	const char **const paths[] = {
	    &options->config, &options->pid_file, &options->paths.state_dir,
	    &options->paths.sysfs_root, &options->paths.netns_dir};

	choose_state_dir(options);
	if (!options->paths.sysfs_root)
		options->paths.sysfs_root = "/sys";
	else if (access(options->paths.sysfs_root, F_OK) < 0)
		log_message(LOG_WARNING, "--sysfs-root %s: %s: no HBA is discovered",
			    options->paths.sysfs_root, strerror(errno));
	if (!options->paths.netns_dir)
		options->paths.netns_dir = "/run/netns";
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *path = *paths[i];

		if (!path || *path == '/')
			continue;
		*paths[i] = make_absolute(path);
		if (!*paths[i]) {
			int err = -errno;

			log_message(LOG_ERR,
				    "%s: cannot determine the current directory: %s",
				    path, strerror(-err));
			return err;
		}
	}
	return 0;
}

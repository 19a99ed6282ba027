/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/once.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "collector/report.h"
#include "util/log.h"

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 100;
	return size.ws_col;
}

static int print(const struct snapshot *snapshot, bool json, const char *version)
{
	struct utsname name;
	int err;

	uname(&name);
	if (json)
		report_json(stdout, snapshot, version, name.release);
	else
		report_table(stdout, snapshot, terminal_width());
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	err = errno ? -errno : -EIO;
	log_message(LOG_ERR, "cannot write: %s", strerror(-err));
	return err;
}

int once_print(const struct kernel_opener *opener, const struct netns_paths *paths,
	       const struct netns_config *config, bool json, const char *version)
{
	const struct snapshot none = {0};
	struct snapshot snapshot = {0};
	struct netns_set *set;
	int err = netns_set_open(opener, paths, config, &set);

	if (err)
		return err;
	err = netns_set_poll(set);
	if (!err) {
		err = netns_set_snapshot(set, &snapshot, &none);
		if (err)
			log_message(LOG_ERR, "out of memory");
	}
	if (!err)
		err = print(&snapshot, json, version);
	snapshot_free(&snapshot);
	netns_set_free(set);
	return err;
}

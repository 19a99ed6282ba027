/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/terminal.h"
#include "util/text.h"

const char *const report_view_names[N_REPORT_VIEWS] = {
    [REPORT_INSTANCES] = "instances",
    [REPORT_PEERS] = "peers",
    [REPORT_SAS] = "sas",
};

/* Some of the instances. */

static bool is_wanted(const char *const *names, size_t n_names, const char *name)
{
	for (size_t i = 0; i < n_names; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void list_rows(const struct snapshot *snapshot, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < snapshot->n_rows && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "",
					snapshot->rows[i].name);
}

int report_check_names(const struct snapshot *snapshot, const char *const *names,
		       size_t n_names, char *error, size_t error_size)
{
	char rows[1024];
	char shown[128];

	for (size_t i = 0; i < n_names; i++) {
		if (snapshot_find(snapshot, names[i]))
			continue;
		text_clean(shown, sizeof(shown), names[i]);
		list_rows(snapshot, rows, sizeof(rows));
		snprintf(error, error_size,
			 "there is no instance \"%s\"; there are: %s", shown, rows);
		return -ENOENT;
	}
	return 0;
}

void report_keep_names(struct snapshot *snapshot, const char *const *names,
		       size_t n_names)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot->n_rows && n_names; i++)
		if (is_wanted(names, n_names, snapshot->rows[i].name))
			snapshot->rows[n++] = snapshot->rows[i];
	if (n_names)
		snapshot->n_rows = n;
}

void report_keep_sas(struct sa_list *list, const char *const *names, size_t n_names)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n && n_names; i++)
		if (is_wanted(names, n_names, list->sas[i].instance))
			list->sas[n++] = list->sas[i];
	if (n_names)
		list->n = n;
}

/* Once. */

static int64_t find_epoch(void)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	return (int64_t)clock_now_ns() - (int64_t)real.tv_sec * (int64_t)NS_PER_S -
	       real.tv_nsec;
}

uint64_t report_seconds_at(const struct report_origin *origin, uint64_t monotonic)
{
	return (uint64_t)(((int64_t)monotonic - origin->epoch) / (int64_t)NS_PER_S);
}

static void print_text(enum report_view view, const struct snapshot *snapshot,
		       const struct sa_list *list, const struct report_origin *origin)
{
	unsigned width, height;

	terminal_size(STDOUT_FILENO, &width, &height);
	if (view == REPORT_PEERS)
		report_peers(stdout, snapshot);
	else if (view == REPORT_SAS)
		report_sas(stdout, list,
			   report_seconds_at(origin, snapshot->health.last_poll));
	else
		report_table(stdout, snapshot, width);
}

static int print(const struct snapshot *snapshot, const struct sa_list *list,
		 const struct report_options *options, bool restored)
{
	struct utsname name;
	struct report_origin origin = {
	    .version = options->version, .epoch = find_epoch(), .restored = restored};
	int err;

	uname(&name);
	origin.kernel = name.release;
	if (options->json)
		report_json(stdout, options->view, snapshot, list, &origin);
	else
		print_text(options->view, snapshot, list, &origin);
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	err = errno ? -errno : -EIO;
	log_message(LOG_ERR, "cannot write: %s", strerror(-err));
	return err;
}

int report_poll(struct netns_set *set)
{
	const struct timespec wait = {.tv_nsec = NETNS_SETTLE_NS};
	int err = netns_set_poll(set);

	if (err || !netns_set_wants_poll(set))
		return err;
	nanosleep(&wait, NULL);
	return netns_set_poll(set);
}

static int collect(struct netns_set *set, const struct report_options *options,
		   struct snapshot *snapshot, struct sa_list *list)
{
	const struct snapshot none = {0};
	char error[2048];
	int err = report_poll(set);

	if (err)
		return err;
	err = netns_set_snapshot(set, snapshot, &none);
	if (!err && options->view == REPORT_SAS)
		err = netns_set_list_sas(set, list);
	if (err) {
		log_message(LOG_ERR, "out of memory");
		return err;
	}
	err = report_check_names(snapshot, options->names, options->n_names, error,
				 sizeof(error));
	if (err)
		log_message(LOG_ERR, "%s", error);
	report_keep_names(snapshot, options->names, options->n_names);
	report_keep_sas(list, options->names, options->n_names);
	return err;
}

int report_once(const struct kernel_opener *opener, const struct netns_paths *paths,
		const struct netns_config *config, const struct report_options *options)
{
	struct netns_paths own = *paths;
	struct snapshot snapshot = {0};
	struct sa_list list = {0};
	struct netns_set *set;
	int err;

	own.read_only = true;
	err = netns_set_open(opener, &own, config, &set);
	if (err)
		return err;
	err = collect(set, options, &snapshot, &list);
	if (!err)
		err = print(&snapshot, &list, options, netns_set_is_restored(set));
	sa_list_free(&list);
	snapshot_free(&snapshot);
	netns_set_free(set);
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

enum {
	LABEL_WIDTH = 28, /* of the longest field's name, and a gap */
	UNIT_WIDTH = 14,
	MIN_COLUMN = 16,
};

/* "1 234 567", in any locale, and for the 20 digits of a Counter64. */
static const char *readable(uint64_t value, char *text, size_t size)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	size_t at = 0;

	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[at++] = ' ';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

/* As wide as the widest of a row's name and values. */
static int column_width(const struct snapshot_row *row)
{
	uint64_t highest = row->replay_failures;
	char text[32];
	size_t width = strlen(row->name);

	for (size_t i = 0; i < STAT_COUNT; i++) {
		uint64_t value = stats_get(&row->stats, &stat_columns[i]);

		highest = value > highest ? value : highest;
	}
	if (width < strlen(readable(highest, text, sizeof(text))))
		width = strlen(text);
	return (int)(width > MIN_COLUMN ? width : MIN_COLUMN) + 2;
}

/* How many rows fit side by side, beginning with first; at least one. */
static size_t fitting(const struct snapshot *snapshot, size_t first, unsigned width)
{
	unsigned used = LABEL_WIDTH + UNIT_WIDTH;
	size_t n = first;

	while (n < snapshot->n_rows) {
		used += (unsigned)column_width(&snapshot->rows[n]);
		if (used > width && n > first)
			break;
		n++;
	}
	return n - first;
}

static void label(FILE *stream, const char *name)
{
	fprintf(stream, "%-*s", LABEL_WIDTH, name);
}

static void cell(FILE *stream, const struct snapshot_row *row, const char *text)
{
	fprintf(stream, "%*s", column_width(row), text);
}

static void number(FILE *stream, const struct snapshot_row *row, uint64_t value)
{
	char text[32];

	cell(stream, row, readable(value, text, sizeof(text)));
}

static void table_block(FILE *stream, const struct snapshot_row *rows, size_t n)
{
	label(stream, "");
	for (size_t i = 0; i < n; i++)
		cell(stream, &rows[i], rows[i].name);
	fputc('\n', stream);
	for (size_t column = 0; column < STAT_COUNT; column++) {
		label(stream, stat_columns[column].field);
		for (size_t i = 0; i < n; i++)
			number(stream, &rows[i],
			       stats_get(&rows[i].stats, &stat_columns[column]));
		fprintf(stream, "  %s\n", stat_columns[column].unit);
	}
	label(stream, "ReplayFailures");
	for (size_t i = 0; i < n; i++)
		number(stream, &rows[i], rows[i].replay_failures);
	fputs("  packets\n", stream);
	label(stream, "Active");
	for (size_t i = 0; i < n; i++)
		cell(stream, &rows[i], rows[i].active ? "yes" : "no");
	fputc('\n', stream);
}

void report_table(FILE *stream, const struct snapshot *snapshot, unsigned width)
{
	size_t first = 0;

	while (first < snapshot->n_rows) {
		size_t n = fitting(snapshot, first, width);

		if (first > 0)
			fputc('\n', stream);
		table_block(stream, &snapshot->rows[first], n);
		first += n;
	}
}

/* Writes UTF-8 unescaped (RFC 8259). The text should be clean; a byte that is not is
 * escaped, so that the result is valid JSON in any case. */
static void json_string(FILE *stream, const char *text)
{
	size_t len = strlen(text);

	fputc('"', stream);
	for (size_t at = 0, n; at < len; at += n ? n : 1) {
		n = text_char(text + at, len - at);
		if (!n)
			fprintf(stream, "\\u%04x", (unsigned char)text[at]);
		else if (text[at] == '"' || text[at] == '\\')
			fprintf(stream, "\\%c", text[at]);
		else
			fwrite(text + at, n, 1, stream);
	}
	fputc('"', stream);
}

static void json_text(FILE *stream, const char *name, const char *text)
{
	fprintf(stream, "\"%s\":", name);
	json_string(stream, text);
	fputc(',', stream);
}

/* "2026-11-26T21:13:07.250Z" */
static void json_time(FILE *stream, const char *name, uint64_t monotonic,
		      const struct report_origin *origin)
{
	int64_t ms = ((int64_t)monotonic - origin->epoch) / (int64_t)NS_PER_MS;
	time_t seconds = (time_t)(ms / 1000);
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&seconds, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	fprintf(stream, "\"%s\":\"%s.%03dZ\",", name, text, (int)(ms % 1000));
}

static void json_row(FILE *stream, const struct snapshot_row *row,
		     const struct report_origin *origin)
{
	fputc('{', stream);
	json_text(stream, "name", row->name);
	fprintf(stream, "\"active\":%s,", row->active ? "true" : "false");
	json_text(stream, "descr", row->descr);
	json_text(stream, "transport", row->transport);
	json_text(stream, "netns", row->netns);
	json_text(stream, "initiator_name", row->initiator_name);
	fprintf(stream, "\"if_index\":%" PRIu32 ",\"sessions\":%" PRIu32 ",",
		row->if_index, row->sessions);
	json_text(stream, "error_scope",
		  row->error_scope == ERROR_SCOPE_INSTANCE ? "instance" : "namespace");
	json_time(stream, "discontinuity", row->discontinuity, origin);
	fprintf(stream, "\"replay_failures\":%" PRIu64 ",\"stats\":{",
		row->replay_failures);
	for (size_t i = 0; i < STAT_COUNT; i++)
		fprintf(stream, "%s\"%s\":%" PRIu64, i ? "," : "",
			stat_columns[i].field,
			stats_get(&row->stats, &stat_columns[i]));
	fputs("}}", stream);
}

static void json_xfrm(FILE *stream, const struct snapshot *snapshot)
{
	const char *netns = NULL;

	for (size_t i = 0; i < snapshot->n_xfrm; i++) {
		const struct snapshot_xfrm *xfrm = &snapshot->xfrm[i];
		bool first = !netns || strcmp(netns, xfrm->netns) != 0;

		if (first) {
			fprintf(stream, "%s\n{", netns ? "}}," : "");
			netns = xfrm->netns;
			json_text(stream, "netns", netns);
			fputs("\"counters\":{", stream);
		}
		fputs(first ? "" : ",", stream);
		json_string(stream, xfrm->counter.name);
		fprintf(stream, ":%" PRIu64, xfrm->counter.value);
	}
	if (netns)
		fputs("}}", stream);
}

void report_json(FILE *stream, const struct snapshot *snapshot,
		 const struct report_origin *origin)
{
	fputc('{', stream);
	json_text(stream, "version", origin->version);
	json_text(stream, "kernel", origin->kernel);
	json_time(stream, "time", snapshot->health.last_poll, origin);
	fprintf(stream,
		"\"poll_duration_ns\":%" PRIu64 ",\"tracked_sas\":%" PRIu32
		",\"xfrm_stat_available\":%s,\n\"instances\":[",
		snapshot->health.last_poll_duration, snapshot->health.tracked_sas,
		snapshot->health.xfrm_stat_missing ? "false" : "true");
	for (size_t i = 0; i < snapshot->n_rows; i++) {
		fputs(i ? ",\n" : "\n", stream);
		json_row(stream, &snapshot->rows[i], origin);
	}
	fputs("],\n\"xfrm\":[", stream);
	json_xfrm(stream, snapshot);
	fputs("]}\n", stream);
}

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 100;
	return size.ws_col;
}

static bool is_wanted(const struct report_options *options, const char *name)
{
	for (size_t i = 0; i < options->n_names; i++)
		if (!strcmp(options->names[i], name))
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

int report_select(struct snapshot *snapshot, const struct report_options *options,
		  char *error, size_t error_size)
{
	char rows[1024];
	char shown[128];
	size_t n = 0;

	for (size_t i = 0; i < options->n_names; i++) {
		if (snapshot_find(snapshot, options->names[i]))
			continue;
		text_clean(shown, sizeof(shown), options->names[i]);
		list_rows(snapshot, rows, sizeof(rows));
		snprintf(error, error_size,
			 "there is no instance \"%s\"; there are: %s", shown, rows);
		return -ENOENT;
	}
	for (size_t i = 0; i < snapshot->n_rows && options->n_names; i++)
		if (is_wanted(options, snapshot->rows[i].name))
			snapshot->rows[n++] = snapshot->rows[i];
	if (options->n_names)
		snapshot->n_rows = n;
	return 0;
}

static int64_t find_epoch(void)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	return (int64_t)clock_now_ns() - (int64_t)real.tv_sec * (int64_t)NS_PER_S -
	       real.tv_nsec;
}

static int print(struct snapshot *snapshot, const struct report_options *options)
{
	char error[2048];
	struct utsname name;
	int err = report_select(snapshot, options, error, sizeof(error));

	if (err) {
		log_message(LOG_ERR, "%s", error);
		return err;
	}
	uname(&name);
	if (options->json) {
		const struct report_origin origin = {.version = options->version,
						     .kernel = name.release,
						     .epoch = find_epoch()};

		report_json(stdout, snapshot, &origin);
	} else {
		report_table(stdout, snapshot, terminal_width());
	}
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	err = errno ? -errno : -EIO;
	log_message(LOG_ERR, "cannot write: %s", strerror(-err));
	return err;
}

int report_once(const struct kernel_opener *opener, const struct netns_paths *paths,
		const struct netns_config *config, const struct report_options *options)
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
		err = print(&snapshot, options);
	snapshot_free(&snapshot);
	netns_set_free(set);
	return err;
}

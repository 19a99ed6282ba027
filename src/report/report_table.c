/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <string.h>

#include "report/readable.h"

enum {
	LABEL_WIDTH = 28, /* of the longest field's name, and a gap */
	UNIT_WIDTH = 14,
	MIN_COLUMN = 16,
};

/* As wide as the widest of a row's name and values. */
static int column_width(const struct snapshot_row *row)
{
	uint64_t highest = row->replay_failures;
	char text[READABLE_SIZE];
	size_t width = strlen(row->name);

	for (size_t i = 0; i < STAT_COUNT; i++) {
		uint64_t value = stats_get(&row->stats, &stat_columns[i]);

		highest = value > highest ? value : highest;
	}
	if (width < strlen(readable_exact(highest, text, sizeof(text))))
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
	char text[READABLE_SIZE];

	cell(stream, row, readable_exact(value, text, sizeof(text)));
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

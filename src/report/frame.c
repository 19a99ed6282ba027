/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/frame.h"

#include <stdlib.h>
#include <string.h>

#include "report/readable.h"
#include "report/report.h"

enum {
	NUMBER_WIDTH = 8, /* with a gap before it */
	STATE_WIDTH = 14, /* "down 23h 59m" and a gap */
	NAME_LEAST = 16,  /* below this width of names, columns are left out */
	NAME_MOST = 70,
};

/* SGR sequences (ECMA-48). */
#define STYLE_PLAIN ""
#define STYLE_TITLE "\033[1m"
#define STYLE_HEAD "\033[7m"
#define STYLE_ERRORS "\033[31m"
#define STYLE_DOWN "\033[2m"
#define STYLE_END "\033[0m"

struct layout {
	const struct frame *frame;
	FILE *stream;
	unsigned lines; /* written so far */
	size_t name;    /* width of the first column */
	bool state, packets, errors;
};

/* Columns are left out from the least important on. */
static void choose_columns(struct layout *layout)
{
	size_t width = layout->frame->width;
	static const unsigned used[] = {STATE_WIDTH + 5 * NUMBER_WIDTH,
					STATE_WIDTH + 3 * NUMBER_WIDTH,
					3 * NUMBER_WIDTH, 2 * NUMBER_WIDTH};
	size_t choice = 0;

	while (choice < 3 && width < used[choice] + NAME_LEAST)
		choice++;
	layout->packets = choice < 1;
	layout->state = choice < 2;
	layout->errors = choice < 3;
	layout->name = width > used[choice] ? width - used[choice] : 0;
	if (layout->name > NAME_MOST)
		layout->name = NAME_MOST;
}

static bool is_full(const struct layout *layout)
{
	return layout->frame->height && layout->lines >= layout->frame->height;
}

/* Writes one line, cut to the width. */
static void put_line(struct layout *layout, const char *style, const char *text)
{
	const struct frame *frame = layout->frame;
	size_t width = readable_width(text);
	bool styled = frame->colour && *style;

	if (is_full(layout))
		return;
	layout->lines++;
	fputs(styled ? style : "", layout->stream);
	readable_column(layout->stream, text,
			width < frame->width && !frame->padded ? width : frame->width);
	fputs(styled ? STYLE_END "\n" : "\n", layout->stream);
}

/* The cells of one line. */
struct cells {
	const char *name;
	const char *state;
	const char *numbers[5]; /* bytes, packets, errors */
};

/* The lines of a table are put together in memory. Without memory a line is empty. */
static void put_cells(struct layout *layout, const char *style,
		      const struct cells *cells)
{
	char *text = NULL;
	size_t size = 0;
	FILE *line = open_memstream(&text, &size);

	if (!line) {
		put_line(layout, STYLE_PLAIN, "");
		return;
	}
	readable_column(line, cells->name, layout->name);
	if (layout->state)
		fprintf(line, "  %-*s", STATE_WIDTH - 2, cells->state);
	for (int i = 0; i < 5; i++)
		if (i < 2 || (i < 4 ? layout->packets : layout->errors))
			fprintf(line, "%*s", NUMBER_WIDTH, cells->numbers[i]);
	put_line(layout, style, fclose(line) ? "" : text);
	free(text);
}

static void put_head(struct layout *layout, const char *name, const char *state)
{
	const struct cells cells = {
	    .name = name,
	    .state = state,
	    .numbers = {"B/s out", "B/s in", "pkt out", "pkt in", "err/s"}};

	put_cells(layout, STYLE_HEAD, &cells);
}

static void put_rate(struct layout *layout, const struct rate *rate, const char *name,
		     const char *state, bool active)
{
	const double values[] = {rate->bytes_sent, rate->bytes_received,
				 rate->packets_sent, rate->packets_received,
				 rate->errors};
	char texts[5][READABLE_SIZE];
	struct cells cells = {.name = name, .state = state};

	for (int i = 0; i < 5; i++)
		cells.numbers[i] =
		    rate->known ? readable_rate(values[i], texts[i], sizeof(texts[i]))
				: "-";
	put_cells(layout,
		  rate->errors > 0 ? STYLE_ERRORS
		  : active         ? STYLE_PLAIN
				   : STYLE_DOWN,
		  &cells);
}

static void put_row(struct layout *layout, const struct rate *rate)
{
	char sas[READABLE_SIZE], state[READABLE_SIZE + 8];

	snprintf(state, sizeof(state), "%s SAs",
		 readable_short(rate->row->stats.active_sa, sas, sizeof(sas)));
	put_rate(layout, rate, rate->row->name, state, rate->row->active);
}

static void put_peer(struct layout *layout, const struct rate *rate)
{
	char name[PEER_LABEL_MAX + INSTANCE_NAME_MAX + 3], state[READABLE_SIZE];

	snprintf(name, sizeof(name), "%s  %s", rate->peer->label, rate->row->name);
	report_peer_state(rate->peer, layout->frame->now, state, sizeof(state));
	put_rate(layout, rate, name, state, rate->peer->active);
}

/* The first of n lines, in a part of the screen with this room. */
static void put_part(struct layout *layout, const struct rate *rates, size_t n,
		     size_t room, void (*put)(struct layout *, const struct rate *))
{
	size_t shown = n > room ? (room ? room - 1 : 0) : n;
	char more[48];

	for (size_t i = 0; i < shown; i++)
		put(layout, &rates[i]);
	if (shown == n || !room)
		return;
	snprintf(more, sizeof(more), "(%zu more)", n - shown);
	put_line(layout, STYLE_DOWN, more);
}

/* The room for instances: all that peers leave, and at least half of it. */
static size_t share(size_t room, size_t n_rows, size_t n_peers)
{
	size_t left = room > n_peers ? room - n_peers : 0;
	size_t half = (room + 1) / 2;
	size_t most = left > half ? left : half;

	return n_rows < most ? n_rows : most;
}

static void put_tables(struct layout *layout, const struct rates *rates)
{
	const struct frame *frame = layout->frame;
	size_t used = 2 + (size_t)(rates->n_peers > 0) + (size_t)(*frame->message != 0);
	size_t room = rates->n_rows + rates->n_peers;
	size_t of_rows;

	if (frame->height)
		room = frame->height > used ? frame->height - used : 0;
	of_rows = share(room, rates->n_rows, rates->n_peers);
	put_head(layout, "instance", "keyed");
	put_part(layout, rates->rows, rates->n_rows, of_rows, put_row);
	if (!rates->n_peers)
		return;
	put_head(layout, "peer", "state");
	put_part(layout, rates->peers, rates->n_peers, room - of_rows, put_peer);
}

void frame_write(FILE *stream, const struct frame *frame, const struct rates *rates)
{
	struct layout layout = {.frame = frame, .stream = stream};

	choose_columns(&layout);
	put_line(&layout, STYLE_TITLE, frame->title);
	put_tables(&layout, rates);
	if (*frame->message)
		put_line(&layout, STYLE_ERRORS, frame->message);
}

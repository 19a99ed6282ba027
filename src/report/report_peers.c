/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <string.h>

#include "report/readable.h"
#include "util/clock.h"

enum {
	STATE_SIZE = 32,
	COUNT_WIDTH = 4,  /* of SAs and of tunnels, with a gap before it */
	NUMBER_WIDTH = 6, /* of bytes and packets: 5 characters and a gap */
};

const char *report_peer_state(const struct snapshot_peer *peer, uint64_t now,
			      char *text, size_t size)
{
	const char *state = peer->active ? "up" : "down";
	uint64_t age = now > peer->last_change ? now - peer->last_change : 0;
	char since[READABLE_SIZE];

	if (peer->last_change)
		snprintf(text, size, "%s %s", state,
			 readable_age(age / NS_PER_S, since, sizeof(since)));
	else
		snprintf(text, size, "%s", state);
	return text;
}

/* Columns of text are as wide as their longest cell. */
struct widths {
	size_t instance, peer, label, state;
};

/* The label is left out if it is the peer's name. */
static const char *label_of(const struct snapshot_peer *peer)
{
	return strcmp(peer->label, peer->name) ? peer->label : "";
}

static void widen_for(struct widths *widths, const struct snapshot_peer *peer,
		      uint64_t now)
{
	char state[STATE_SIZE];

	readable_widen(&widths->instance, peer->instance);
	readable_widen(&widths->peer, peer->name);
	readable_widen(&widths->label, label_of(peer));
	readable_widen(&widths->state,
		       report_peer_state(peer, now, state, sizeof(state)));
}

/* Without labels there is no column of labels. */
static void write_texts(FILE *stream, const struct widths *widths, const char *instance,
			const char *peer, const char *label, const char *state)
{
	readable_column(stream, instance, widths->instance + 2);
	readable_column(stream, peer, widths->peer + 2);
	if (widths->label)
		readable_column(stream, label, widths->label + 2);
	readable_column(stream, state, widths->state);
}

static void write_number(FILE *stream, uint64_t value, int width)
{
	char text[READABLE_SIZE];

	fprintf(stream, "%*s", width, readable_short(value, text, sizeof(text)));
}

static void write_head(FILE *stream, const struct widths *widths)
{
	write_texts(stream, widths, "", "", "", "");
	fprintf(stream, "%*s%*s%*s\n", 2 * COUNT_WIDTH, "", 2 * NUMBER_WIDTH, "bytes",
		2 * NUMBER_WIDTH, "packets");
	write_texts(stream, widths, "instance", "peer", "label", "state");
	fprintf(stream, "%*s%*s", COUNT_WIDTH, "SAs", COUNT_WIDTH, "tun");
	for (int i = 0; i < 2; i++)
		fprintf(stream, "%*s%*s", NUMBER_WIDTH, "sent", NUMBER_WIDTH, "recv");
	fputc('\n', stream);
}

static void write_peer(FILE *stream, const struct widths *widths,
		       const struct snapshot_peer *peer, uint64_t now)
{
	const struct totals *totals = &peer->totals;
	char state[STATE_SIZE];

	write_texts(stream, widths, peer->instance, peer->name, label_of(peer),
		    report_peer_state(peer, now, state, sizeof(state)));
	write_number(stream, totals->stats.active_sa, COUNT_WIDTH);
	write_number(stream, totals->stats.active_tunnels, COUNT_WIDTH);
	write_number(stream, peer->bytes_sent, NUMBER_WIDTH);
	write_number(stream, peer->bytes_received, NUMBER_WIDTH);
	write_number(stream, totals->packets_sent, NUMBER_WIDTH);
	write_number(stream, totals->packets_received, NUMBER_WIDTH);
	fputc('\n', stream);
}

void report_peers(FILE *stream, const struct snapshot *snapshot)
{
	struct widths widths = {.instance = strlen("instance"),
				.peer = strlen("peer"),
				.state = strlen("state")};
	uint64_t now = snapshot->health.last_poll;
	size_t n = 0;

	for (size_t i = 0; i < snapshot->n_rows; i++)
		for (size_t j = 0; j < snapshot->rows[i].n_peers; j++, n++)
			widen_for(&widths,
				  &snapshot->peers[snapshot->rows[i].first_peer + j],
				  now);
	if (!n) {
		fputs("no peers\n", stream);
		return;
	}
	if (widths.label)
		readable_widen(&widths.label, "label");
	write_head(stream, &widths);
	for (size_t i = 0; i < snapshot->n_rows; i++)
		for (size_t j = 0; j < snapshot->rows[i].n_peers; j++)
			write_peer(stream, &widths,
				   &snapshot->peers[snapshot->rows[i].first_peer + j],
				   now);
}

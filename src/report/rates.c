/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/rates.h"

#include <errno.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/text.h"

/* What a rate is made of. */
struct counts {
	uint64_t bytes_sent, bytes_received;
	uint64_t packets_sent, packets_received;
	uint64_t errors;
};

static struct counts counts_of_row(const struct snapshot_row *row)
{
	const struct stats *stats = &row->stats;

	return (struct counts){
	    .bytes_sent = stats_bytes_sent(stats),
	    .bytes_received = stats_bytes_received(stats),
	    .packets_sent = row->packets_sent,
	    .packets_received = row->packets_received,
	    .errors = stats->bad_spi_packets + stats->packets_not_decrypted +
		      stats->packets_not_authenticated + row->replay_failures,
	};
}

static struct counts counts_of_peer(const struct snapshot_peer *peer)
{
	const struct totals *totals = &peer->totals;

	return (struct counts){
	    .bytes_sent = peer->bytes_sent,
	    .bytes_received = peer->bytes_received,
	    .packets_sent = totals->packets_sent,
	    .packets_received = totals->packets_received,
	    .errors = totals->stats.packets_not_authenticated + totals->replay_failures,
	};
}

static double per_second(uint64_t from, uint64_t to, double seconds)
{
	return (double)(to - from) / seconds;
}

/* seconds: between the two, not above 0 if there is only one. */
static void calculate(struct rate *rate, const struct counts *from,
		      const struct counts *to, double seconds)
{
	rate->known = seconds > 0 && to->bytes_sent >= from->bytes_sent &&
		      to->bytes_received >= from->bytes_received &&
		      to->packets_sent >= from->packets_sent &&
		      to->packets_received >= from->packets_received &&
		      to->errors >= from->errors;
	if (!rate->known)
		return;
	rate->bytes_sent = per_second(from->bytes_sent, to->bytes_sent, seconds);
	rate->bytes_received =
	    per_second(from->bytes_received, to->bytes_received, seconds);
	rate->packets_sent = per_second(from->packets_sent, to->packets_sent, seconds);
	rate->packets_received =
	    per_second(from->packets_received, to->packets_received, seconds);
	rate->errors = per_second(from->errors, to->errors, seconds);
}

static int compare_peer(const void *key, const void *element)
{
	const struct snapshot_peer *peer = element;

	return text_compare_index(key, peer->name);
}

static const struct snapshot_peer *find_peer(const struct snapshot *snapshot,
					     const struct snapshot_row *row,
					     const char *name)
{
	if (!row || !row->n_peers)
		return NULL;
	return bsearch(name, snapshot->peers + row->first_peer, row->n_peers,
		       sizeof(*snapshot->peers), compare_peer);
}

static struct rate rate_of_row(const struct snapshot_row *before,
			       const struct snapshot_row *row, double seconds)
{
	struct rate rate = {.row = row};

	if (before) {
		struct counts from = counts_of_row(before), to = counts_of_row(row);

		calculate(&rate, &from, &to, seconds);
	}
	return rate;
}

static struct rate rate_of_peer(const struct snapshot_peer *before,
				const struct snapshot_row *row,
				const struct snapshot_peer *peer, double seconds)
{
	struct rate rate = {.row = row, .peer = peer};

	if (before) {
		struct counts from = counts_of_peer(before), to = counts_of_peer(peer);

		calculate(&rate, &from, &to, seconds);
	}
	return rate;
}

static int compare_traffic(const void *left, const void *right)
{
	const struct rate *a = left;
	const struct rate *b = right;
	double a_bytes = a->bytes_sent + a->bytes_received;
	double b_bytes = b->bytes_sent + b->bytes_received;

	if (a_bytes != b_bytes)
		return a_bytes > b_bytes ? -1 : 1;
	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return a->peer < b->peer ? -1 : a->peer > b->peer;
}

static void sort(struct rate *rates, size_t n)
{
	if (n)
		qsort(rates, n, sizeof(*rates), compare_traffic);
}

static double seconds_between(const struct snapshot *earlier,
			      const struct snapshot *later)
{
	uint64_t from = earlier->health.last_poll;
	uint64_t to = later->health.last_poll;

	return from && to > from ? (double)(to - from) / (double)NS_PER_S : 0;
}

static void add_row(struct rates *rates, const struct snapshot *earlier,
		    const struct snapshot *later, const struct snapshot_row *row)
{
	const struct snapshot_row *before = snapshot_find(earlier, row->name);
	double seconds = seconds_between(earlier, later);

	rates->rows[rates->n_rows++] = rate_of_row(before, row, seconds);
	for (size_t i = 0; i < row->n_peers; i++) {
		const struct snapshot_peer *peer = &later->peers[row->first_peer + i];

		rates->peers[rates->n_peers++] = rate_of_peer(
		    find_peer(earlier, before, peer->name), row, peer, seconds);
	}
}

int rates_make(const struct snapshot *earlier, const struct snapshot *later,
	       struct rates *ret)
{
	struct rates rates = {.rows = calloc(later->n_rows + 1, sizeof(*rates.rows)),
			      .peers =
				  calloc(later->n_peers + 1, sizeof(*rates.peers))};

	if (!rates.rows || !rates.peers) {
		rates_free(&rates);
		return -ENOMEM;
	}
	for (size_t i = 0; i < later->n_rows; i++)
		add_row(&rates, earlier, later, &later->rows[i]);
	sort(rates.rows, rates.n_rows);
	sort(rates.peers, rates.n_peers);
	*ret = rates;
	return 0;
}

void rates_free(struct rates *rates)
{
	free(rates->rows);
	free(rates->peers);
	*rates = (struct rates){.n_rows = 0};
}

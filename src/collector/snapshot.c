/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/text.h"

void health_add(struct health *to, const struct health *from)
{
	to->last_poll_duration += from->last_poll_duration;
	to->tracked_sas += from->tracked_sas;
	to->events += from->events;
	to->event_losses += from->event_losses;
	to->resyncs += from->resyncs;
	to->polls += from->polls;
	to->failed_polls += from->failed_polls;
	to->foreign += from->foreign;
	to->xfrm_stat_missing |= from->xfrm_stat_missing;
}

struct snapshot_row *snapshot_add_row(struct snapshot *snapshot)
{
	struct snapshot_row *row;

	if (array_reserve(&snapshot->rows, snapshot->n_rows, 1) < 0)
		return NULL;
	row = &snapshot->rows[snapshot->n_rows++];
	memset(row, 0, sizeof(*row));
	row->first_peer = snapshot->n_peers;
	return row;
}

struct snapshot_peer *snapshot_add_peer(struct snapshot *snapshot,
					struct snapshot_row *row)
{
	struct snapshot_peer *peer;

	if (array_reserve(&snapshot->peers, snapshot->n_peers, 1) < 0)
		return NULL;
	peer = &snapshot->peers[snapshot->n_peers++];
	memcpy(peer->instance, row->name, sizeof(peer->instance));
	row->n_peers++;
	return peer;
}

int snapshot_add_xfrm(struct snapshot *snapshot, const char *netns,
		      const struct xfrm_stat *stat)
{
	struct snapshot_xfrm fresh = {.netns = ""};

	if (array_reserve(&snapshot->xfrm, snapshot->n_xfrm, stat->n) < 0)
		return -ENOMEM;
	strncpy(fresh.netns, netns, sizeof(fresh.netns) - 1);
	for (size_t i = 0; i < stat->n; i++) {
		fresh.counter = stat->counters[i];
		snapshot->xfrm[snapshot->n_xfrm++] = fresh;
	}
	return 0;
}

static int compare_rows(const void *left, const void *right)
{
	const struct snapshot_row *a = left;
	const struct snapshot_row *b = right;

	return text_compare_index(a->name, b->name);
}

/* Of two rows with one name the daemon's own namespace comes first. */
static int compare_for_sort(const void *left, const void *right)
{
	const struct snapshot_row *a = left;
	const struct snapshot_row *b = right;
	int order = compare_rows(a, b);

	return order ? order : text_compare_index(a->netns, b->netns);
}

static int compare_xfrm(const void *left, const void *right)
{
	const struct snapshot_xfrm *a = left;
	const struct snapshot_xfrm *b = right;
	int order = text_compare_index(a->netns, b->netns);

	return order ? order : text_compare_index(a->counter.name, b->counter.name);
}

static void drop_doubles(struct snapshot *snapshot)
{
	struct snapshot_row *rows = snapshot->rows;
	size_t n = 0;

	for (size_t i = 0; i < snapshot->n_rows; i++) {
		if (n > 0 && !strcmp(rows[n - 1].name, rows[i].name))
			continue;
		if (n < i)
			rows[n] = rows[i];
		n++;
	}
	snapshot->n_rows = n;
}

static bool peers_are_in_order(const struct snapshot *snapshot)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot->n_rows; i++) {
		if (snapshot->rows[i].n_peers && snapshot->rows[i].first_peer != n)
			return false;
		n += snapshot->rows[i].n_peers;
	}
	return n == snapshot->n_peers;
}

/* Brings the peers into the order of their rows. */
static int order_peers(struct snapshot *snapshot)
{
	struct snapshot_peer *peers = NULL;
	size_t n = 0;

	if (peers_are_in_order(snapshot))
		return 0;
	if (array_reserve(&peers, 0, snapshot->n_peers) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < snapshot->n_rows; i++) {
		struct snapshot_row *row = &snapshot->rows[i];

		if (row->n_peers)
			memcpy(peers + n, snapshot->peers + row->first_peer,
			       row->n_peers * sizeof(*peers));
		row->first_peer = n;
		n += row->n_peers;
	}
	free(snapshot->peers);
	snapshot->peers = peers;
	snapshot->n_peers = n;
	return 0;
}

/* Those of a single namespace usually are in order. */
static void sort_if_needed(void *elements, size_t n, size_t size,
			   int (*compare)(const void *, const void *))
{
	const char *at = elements;

	for (size_t i = 1; i < n; i++)
		if (compare(at + (i - 1) * size, at + i * size) > 0) {
			qsort(elements, n, size, compare);
			return;
		}
}

int snapshot_sort(struct snapshot *snapshot)
{
	sort_if_needed(snapshot->rows, snapshot->n_rows, sizeof(*snapshot->rows),
		       compare_for_sort);
	drop_doubles(snapshot);
	sort_if_needed(snapshot->xfrm, snapshot->n_xfrm, sizeof(*snapshot->xfrm),
		       compare_xfrm);
	return order_peers(snapshot);
}

const struct snapshot_row *snapshot_find(const struct snapshot *snapshot,
					 const char *name)
{
	struct snapshot_row key = {.active = false};

	if (!snapshot->n_rows)
		return NULL;
	snprintf(key.name, sizeof(key.name), "%s", name);
	return bsearch(&key, snapshot->rows, snapshot->n_rows, sizeof(key),
		       compare_rows);
}

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->rows);
	free(snapshot->peers);
	free(snapshot->xfrm);
	*snapshot = (struct snapshot){0};
}

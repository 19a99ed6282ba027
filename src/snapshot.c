/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int snapshot_add_row(struct snapshot *snapshot, const struct snapshot_row *row)
{
	struct snapshot_row *grown =
	    realloc(snapshot->rows, (snapshot->n_rows + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	snapshot->rows = grown;
	grown[snapshot->n_rows++] = *row;
	return 0;
}

int snapshot_add_xfrm(struct snapshot *snapshot, const char *netns,
		      const struct xfrm_stat *stat)
{
	struct snapshot_xfrm *grown =
	    realloc(snapshot->xfrm, (snapshot->n_xfrm + stat->n) * sizeof(*grown));

	if (!grown && stat->n)
		return -ENOMEM;
	snapshot->xfrm = grown;
	for (size_t i = 0; i < stat->n; i++) {
		struct snapshot_xfrm *to = &grown[snapshot->n_xfrm++];

		*to = (struct snapshot_xfrm){.counter = stat->counters[i]};
		strncpy(to->netns, netns, sizeof(to->netns) - 1);
	}
	return 0;
}

static int compare_index(const char *a, const char *b)
{
	size_t len_a = strlen(a);
	size_t len_b = strlen(b);

	if (len_a != len_b)
		return len_a < len_b ? -1 : 1;
	return memcmp(a, b, len_a);
}

static int compare_rows(const void *left, const void *right)
{
	const struct snapshot_row *a = left;
	const struct snapshot_row *b = right;

	return compare_index(a->name, b->name);
}

static int compare_xfrm(const void *left, const void *right)
{
	const struct snapshot_xfrm *a = left;
	const struct snapshot_xfrm *b = right;
	int order = compare_index(a->netns, b->netns);

	return order ? order : compare_index(a->counter.name, b->counter.name);
}

void snapshot_sort(struct snapshot *snapshot)
{
	if (snapshot->n_rows)
		qsort(snapshot->rows, snapshot->n_rows, sizeof(*snapshot->rows),
		      compare_rows);
	if (snapshot->n_xfrm)
		qsort(snapshot->xfrm, snapshot->n_xfrm, sizeof(*snapshot->xfrm),
		      compare_xfrm);
}

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->rows);
	free(snapshot->xfrm);
	*snapshot = (struct snapshot){0};
}

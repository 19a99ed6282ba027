/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is a number of successive readings of /proc/net/xfrm_stat, with a byte 0
 * between two of them. */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/xfrm_stat.h"
#include "util/text.h"

static void check_stat(const struct xfrm_stat *stat)
{
	HOLDS(stat->n > 0 && stat->n <= XFRM_STAT_MAX);
	for (size_t i = 0; i < stat->n; i++) {
		HOLDS(xfrm_counter_is_valid(&stat->counters[i]));
		HOLDS(xfrm_stat_find(stat, stat->counters[i].name) ==
		      &stat->counters[i]);
	}
}

/* Totals are sorted, each name once. */
static void check_totals(const struct xfrm_stat *totals)
{
	for (size_t i = 1; i < totals->n; i++)
		HOLDS(text_compare_index(totals->counters[i - 1].name,
					 totals->counters[i].name) < 0);
}

/* No sum of such numbers wraps. */
static bool is_modest(const struct xfrm_stat *stat)
{
	for (size_t i = 0; i < stat->n; i++)
		if (stat->counters[i].value >> 48)
			return false;
	return true;
}

/* Totals never decrease, and none goes. */
static void check_growth(const struct xfrm_totals *before,
			 const struct xfrm_totals *after)
{
	for (size_t i = 0; i < before->totals.n; i++) {
		const struct xfrm_counter *was = &before->totals.counters[i];
		const struct xfrm_counter *is =
		    xfrm_stat_find(&after->totals, was->name);

		HOLDS(is != NULL);
		HOLDS(is->value >= was->value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct xfrm_totals totals, before;
	static struct xfrm_stat stat;
	struct bytes bytes = {data, size};

	totals = (struct xfrm_totals){.totals = {.n = 0}};
	while (bytes.left) {
		char *text = take_text(&bytes);
		int err;

		stat.n = SIZE_MAX;
		err = xfrm_stat_parse(text, strlen(text), &stat);
		HOLDS(err == 0 || (err == -EBADMSG && stat.n == SIZE_MAX));
		free(text);
		if (err)
			continue;
		check_stat(&stat);
		if (!is_modest(&stat))
			continue;
		before = totals;
		xfrm_totals_follow(&totals, &stat);
		check_totals(&totals.totals);
		check_growth(&before, &totals);
		for (size_t i = 0; i < stat.n && totals.totals.n < XFRM_STAT_MAX; i++)
			HOLDS(xfrm_stat_find(&totals.totals, stat.counters[i].name));
		before = totals;
		xfrm_totals_follow(&totals, &stat);
		HOLDS(totals.totals.n == before.totals.n);
		for (size_t i = 0; i < stat.n; i++)
			HOLDS(xfrm_stat_get(&totals.totals, stat.counters[i].name) ==
			      xfrm_stat_get(&before.totals, stat.counters[i].name));
	}
	return 0;
}

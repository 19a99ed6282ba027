/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/row_room.h"

#include <stdlib.h>
#include <string.h>

static bool is_gone(const struct instance *instance)
{
	return !instance->configured && !instance->present && !instance->sessions;
}

void row_room_note_gone(struct instance_set *set, uint64_t now)
{
	for (size_t i = 1; i < set->n; i++) {
		struct instance *instance = &set->instances[i];

		if (!is_gone(instance))
			instance->gone_at = 0;
		else if (!instance->gone_at)
			instance->gone_at = now;
	}
}

size_t row_room_wanted(const struct instance_set *set)
{
	size_t over = set->n_used > set->max_rows ? set->n_used - set->max_rows : 0;

	return over + set->n_refused;
}

static int compare(const void *left, const void *right, void *ctx)
{
	const struct instance *instances = ctx;
	const struct instance *a = &instances[*(const unsigned *)left];
	const struct instance *b = &instances[*(const unsigned *)right];

	if (a->gone_at != b->gone_at)
		return a->gone_at < b->gone_at ? -1 : 1;
	return strcmp(a->name, b->name);
}

size_t row_room_choose(struct instance_set *set, const bool *busy, size_t wanted,
		       unsigned *numbers)
{
	size_t n = 0;

	for (unsigned i = 1; i < set->n; i++)
		if (set->instances[i].name[0] && set->instances[i].gone_at && !busy[i])
			numbers[n++] = i;
	if (n)
		qsort_r(numbers, n, sizeof(*numbers), compare, set->instances);
	return n < wanted ? n : wanted;
}

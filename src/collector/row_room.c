/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/row_room.h"

#include <errno.h>
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

static void drop_row(struct row_room *room, struct rows *rows,
		     struct inventory *inventory, unsigned number)
{
	room->n_dropped++;
	memcpy(room->dropped, rows->set->instances[number].name, sizeof(room->dropped));
	rows_drop(rows, number);
	inventory_remove(inventory, number);
}

/* Drops as many of the wanted rows as possible. Returns how many, or -ENOMEM. */
static int drop_rows(struct row_room *room, struct rows *rows,
		     struct inventory *inventory, size_t wanted)
{
	unsigned *numbers = calloc(rows->set->n, sizeof(*numbers));
	bool *busy = calloc(rows->set->n, sizeof(*busy));
	int ret = -ENOMEM;

	if (numbers && busy) {
		rows_find_busy(rows, busy);
		ret = (int)row_room_choose(rows->set, busy, wanted, numbers);
		for (int i = 0; i < ret; i++)
			drop_row(room, rows, inventory, numbers[i]);
	}
	free(numbers);
	free(busy);
	return ret;
}

int row_room_make(struct row_room *room, struct rows *rows, struct inventory *inventory,
		  const struct local_addrs *addrs, uint64_t now)
{
	struct instance_set *set = rows->set;
	size_t wanted = row_room_wanted(set);
	int ret = 0;

	row_room_note_gone(set, now);
	if (wanted)
		ret = drop_rows(room, rows, inventory, wanted);
	if (ret > 0 && set->n_refused)
		ret = inventory_rediscover(inventory, addrs);
	if (ret >= 0 && wanted)
		ret = rows_begin(rows, now);
	room->max_rows = set->max_rows;
	room->n_refused = set->n_refused;
	if (set->n_refused)
		memcpy(room->refused, set->refused[0], sizeof(room->refused));
	return ret < 0 ? ret : 0;
}

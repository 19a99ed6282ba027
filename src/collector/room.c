/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "instance/row_room.h"

static void drop_row(struct collector_room *room, struct rows *rows,
		     struct inventory *inventory, unsigned number)
{
	room->n_dropped++;
	memcpy(room->dropped, rows->set->instances[number].name, sizeof(room->dropped));
	rows_drop(rows, number);
	inventory_remove(inventory, number);
}

/* Drops as many of the wanted rows as can be. Returns how many, or -ENOMEM. */
static int drop_rows(struct collector_room *room, struct rows *rows,
		     struct inventory *inventory, const struct parked *parked,
		     size_t wanted)
{
	unsigned *numbers = calloc(rows->set->n, sizeof(*numbers));
	bool *busy = calloc(rows->set->n, sizeof(*busy));
	int ret = -ENOMEM;

	if (numbers && busy) {
		ledger_find_busy(rows->ledger, busy);
		parked_find_busy(parked, busy);
		ret = (int)row_room_choose(rows->set, busy, wanted, numbers);
	}
	for (int i = 0; i < ret; i++)
		drop_row(room, rows, inventory, numbers[i]);
	free(numbers);
	free(busy);
	return ret;
}

int room_make(struct collector_room *room, struct rows *rows,
	      struct inventory *inventory, const struct local_addrs *addrs,
	      const struct parked *parked, uint64_t now)
{
	struct instance_set *set = rows->set;
	size_t wanted = row_room_wanted(set);
	int ret = 0;

	row_room_note_gone(set, now);
	if (wanted)
		ret = drop_rows(room, rows, inventory, parked, wanted);
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

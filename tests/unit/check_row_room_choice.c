/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The choice of the rows that are dropped. */
#include "collector/row_room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

static struct instance_set set;

static void setup_set(uint32_t max_rows)
{
	ck_assert_int_eq(instance_set_init(&set), 0);
	set.max_rows = max_rows;
}

CHAPTER(NULL, NULL);

static struct instance *add(const char *name, uint64_t gone_at)
{
	int number = instance_set_found(&set, name, true);

	ck_assert_int_gt(number, 0);
	set.instances[number].gone_at = gone_at;
	return &set.instances[number];
}

static void chosen(size_t wanted, const bool *busy, const char *names)
{
	unsigned numbers[16];
	char text[100] = "";
	size_t n = row_room_choose(&set, busy, wanted, numbers);

	for (size_t i = 0; i < n; i++)
		strcat(text, set.instances[numbers[i]].name);
	ck_assert_str_eq(text, names);
}

TEST(the_instance_that_is_gone_longest_is_dropped_first)
{
	bool busy[16] = {false};

	setup_set(10);
	add("c", 30);
	add("a", 10);
	add("x", 0); /* present */
	add("b", 20);
	add("z", 10); /* absent as long as a */
	chosen(9, busy, "azbc");
	chosen(3, busy, "azb");
	chosen(1, busy, "a");
	chosen(0, busy, "");
	busy[instance_set_find(&set, "a")] = true;
	busy[instance_set_find(&set, "b")] = true;
	chosen(9, busy, "zc");
	instance_set_free(&set);
}

/* Present and configured instances are not gone, nor are those that have returned. */
TEST(since_when_each_instance_is_gone)
{
	setup_set(10);
	add("a", 0)->present = true;
	add("b", 0)->configured = true;
	add("c", 0)->sessions = 1;
	add("d", 0);
	row_room_note_gone(&set, 100);
	set.instances[1].present = false;
	row_room_note_gone(&set, 200);
	row_room_note_gone(&set, 300);
	ck_assert_uint_eq(set.instances[0].gone_at, 0);
	ck_assert_uint_eq(set.instances[1].gone_at, 200);
	ck_assert_uint_eq(set.instances[2].gone_at, 0);
	ck_assert_uint_eq(set.instances[3].gone_at, 0);
	ck_assert_uint_eq(set.instances[4].gone_at, 100);
	set.instances[4].present = true;
	row_room_note_gone(&set, 400);
	ck_assert_uint_eq(set.instances[4].gone_at, 0);
	instance_set_free(&set);
}

TEST(how_many_are_too_many)
{
	setup_set(4);
	for (unsigned i = 0; i < 6; i++) {
		const char name[] = {(char)('a' + i), '\0'};
		int number = instance_set_found(&set, name, true);

		/* each is refused once, even if it is seen again */
		ck_assert_int_eq(number, i < 3 ? (int)i + 1 : -ENOENT);
		ck_assert_int_eq(instance_set_found(&set, name, true), number);
	}
	ck_assert_uint_eq(set.n_refused, 3);
	ck_assert_uint_eq(row_room_wanted(&set), 3);
	set.max_rows = 2;
	ck_assert_uint_eq(row_room_wanted(&set), 5);
	set.n_refused = 0;
	set.max_rows = 4;
	ck_assert_uint_eq(row_room_wanted(&set), 0);
	instance_set_free(&set);
}

enum { ROWS = 64 };

/* Instance number i comes to a full set, which drops the one that is gone longest. */
static bool replaces_the_oldest(const char *name, unsigned i)
{
	const bool busy[ROWS] = {false};
	unsigned numbers[ROWS];
	int added;

	if (instance_set_found(&set, name, true) != -ENOENT ||
	    row_room_wanted(&set) != 1 ||
	    row_room_choose(&set, busy, 1, numbers) != 1 ||
	    atoi(set.instances[numbers[0]].name + 4) != (int)(i - ROWS + 1))
		return false;
	instance_set_remove(&set, numbers[0]);
	set.n_refused = 0;
	added = instance_set_found(&set, name, true);
	return added == (int)numbers[0] && set.instances[added].added &&
	       set.instances[added].gone_at == 0;
}

/* An initiator with a record for each volume, over years. Check's own assertions would
 * take most of the time. */
TEST(a_hundred_thousand_come_and_go)
{
	enum { COME = REPETITIONS(100000) };

	setup_set(ROWS);
	for (unsigned i = 1; i <= COME; i++) {
		char name[20];

		snprintf(name, sizeof(name), "tcp:%u", i);
		if (i < ROWS)
			instance_set_found(&set, name, true);
		else if (!replaces_the_oldest(name, i))
			ck_abort_msg("%s does not replace the oldest", name);
		row_room_note_gone(&set, i);
	}
	ck_assert_uint_eq(set.n, ROWS);
	ck_assert_uint_eq(set.n_used, ROWS);
	instance_set_free(&set);
}

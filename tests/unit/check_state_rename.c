/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of HBAs that were renamed after it was saved. */
#include "collector/state.h"

#include <string.h>

#include "instances.h"
#include "runner.h"

enum {
	SAVED_AT = 1000,
	LOADED_AT = 2000,
};

static struct instance_set set;
static struct rows rows;

static void begin(const char *const *lines, const char *const *renames)
{
	const struct ledger_env env = {.ctx = NULL};

	ck_assert_int_eq(instance_set_init(&set), 0);
	instances_reconfigure(&set, lines, renames);
	ck_assert_int_eq(rows_init(&rows, &set, ledger_new(&env, 1), SAVED_AT), 0);
}

static void end(void)
{
	rows_free(&rows);
	instance_set_free(&set);
}

/* A row of an HBA, or with found "" of an instance that is only configured. */
static void add_row(const char *found, const char *name, uint64_t key_additions)
{
	struct ledger_account account = {
	    .totals.stats = {.key_additions = key_additions,
			     .key_deletions = key_additions}};
	int number = *found ? instance_set_found(&set, found, true)
			    : instance_set_find(&set, name);

	ck_assert_int_gt(number, 0);
	ck_assert_str_eq(set.instances[number].name, name);
	ck_assert_int_eq(rows_begin(&rows, SAVED_AT), 0);
	account.row = (uint32_t)number;
	ck_assert_int_eq(ledger_restore_other(rows.ledger, &account), 0);
}

/* Saves, and loads under another configuration. */
static void restart(const char *const *lines, const char *const *renames)
{
	char *data = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&data, &size);

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(state_body_save(&rows, stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	end();
	begin(lines, renames);
	stream = fmemopen(data, size, "r");
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(state_body_load(&rows, LOADED_AT, stream), 0);
	fclose(stream);
	free(data);
}

static void has(const char *name, const char *found, uint64_t key_additions,
		uint64_t discontinuity, size_t n_rules)
{
	const struct instance *instance = instances_get(&set, name);
	size_t number = (size_t)(instance - set.instances);

	ck_assert_str_eq(instance->found, found);
	ck_assert_uint_eq(instance->n_rules, n_rules);
	ck_assert_uint_eq(rows_totals(&rows, number)->stats.key_additions,
			  key_additions);
	ck_assert_uint_eq(rows.rows[number].discontinuity, discontinuity);
}

static const char *const mine[] = {"mine reqid 5", NULL};
static const char *const a_is_mine[] = {"a mine", NULL};

CHAPTER(NULL, end);

/* One discovered row, saved and loaded under other names. */
TEST(a_row_under_another_configuration)
{
	static const struct {
		const char *const *lines, *const *renames; /* when it is saved */
		const char *name;
		const char *const *new_lines, *const *new_renames;
		const char *new_name;
		uint64_t discontinuity;
		size_t n_rules, n_used;
	} cases[] = {
	    {mine, a_is_mine, "mine", mine, a_is_mine, "mine", SAVED_AT, 1, 2},
	    {NULL, NULL, "a", NULL, a_is_mine, "mine", LOADED_AT, 0, 2},
	    /* the row that was made for the line is not needed */
	    {NULL, NULL, "a", mine, a_is_mine, "mine", LOADED_AT, 1, 2},
	    {mine, a_is_mine, "mine", mine, NULL, "a", LOADED_AT, 0, 3},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (i)
			end();
		begin(cases[i].lines, cases[i].renames);
		add_row("a", cases[i].name, 7);
		restart(cases[i].new_lines, cases[i].new_renames);
		has(cases[i].new_name, "a", 7, cases[i].discontinuity,
		    cases[i].n_rules);
		ck_assert_uint_eq(set.n_used, cases[i].n_used);
	}
	has("mine", "", 0, LOADED_AT, 1); /* no longer renamed */
}

/* Each of two rows keeps what it has counted. */
TEST(renamed_to_the_name_of_another_row)
{
	begin(mine, NULL);
	add_row("", "mine", 30);
	add_row("a", "a", 7);
	restart(mine, a_is_mine);
	has("mine", "a", 7, LOADED_AT, 1);
	has("a", "", 30, LOADED_AT, 0);
	restart(mine, NULL);
	has("mine", "", 30, LOADED_AT, 1);
	has("a", "a", 7, LOADED_AT, 0);
	ck_assert_uint_eq(set.n_used, 3);
}

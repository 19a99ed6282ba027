/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of discovered instances: the renaming part of instance.h. */
#include <errno.h>
#include <string.h>

#include "instance/instance.h"
#include "util/array.h"
#include "util/parser.h"

static const char *renamed(const struct instance_set *set, const char *found)
{
	for (size_t i = 0; i < set->n_renames; i++)
		if (!strcmp(set->renames[i].found, found))
			return set->renames[i].name;
	return found;
}

/* Follows the chain of instances each of which keeps the name that the one before
 * wants. No two renames have the same new name, so the chain ends within n_renames
 * steps, or returns to its start. */
const char *instance_set_served_name(const struct instance_set *set, const char *found)
{
	const char *name = renamed(set, found);
	const char *holder = name;

	while (strcmp(holder, found) != 0) {
		const char *wanted = renamed(set, holder);

		if (instance_set_find_discovered(set, holder) < 0)
			return name;
		if (!strcmp(wanted, holder))
			return found;
		holder = wanted;
	}
	return name;
}

static void take_name(struct instance *to, const struct instance *from)
{
	memcpy(to->name, from->name, sizeof(to->name));
	memcpy(to->descr, from->descr, sizeof(to->descr));
	to->configured = from->configured;
	to->rules = from->rules;
	to->n_rules = from->n_rules;
	to->renamed = true;
}

static void swap_names(struct instance *a, struct instance *b)
{
	const struct instance was = *a;

	take_name(a, b);
	take_name(b, &was);
}

/* The name that an instance is to have instead of its present one, or NULL. */
static const char *new_name(const struct instance_set *set, size_t number)
{
	const struct instance *it = &set->instances[number];
	const char *name =
	    it->found[0] ? instance_set_served_name(set, it->found) : it->name;

	return strcmp(it->name, name) != 0 ? name : NULL;
}

/* What is configured under the old name needs an instance of its own. */
static int take_free_name(struct instance_set *set, size_t number, const char *name)
{
	int other;

	if (!set->instances[number].configured) {
		strcpy(set->instances[number].name, name);
		set->instances[number].renamed = true;
		return 0;
	}
	other = instance_set_add(set, name);
	if (other < 0)
		return other;
	swap_names(&set->instances[number], &set->instances[other]);
	return 0;
}

/* First come the names that another instance has. After that, each instance that has
 * yet to be renamed wants a free name, and no instance wants the name that it leaves.
 */
int instance_set_apply_renames(struct instance_set *set)
{
	int err = 0;

	for (size_t i = 1; i < set->n; i++) {
		const char *name = new_name(set, i);
		int holder = name ? instance_set_find(set, name) : -ENOENT;

		if (holder > 0)
			swap_names(&set->instances[i], &set->instances[holder]);
	}
	for (size_t i = 1; i < set->n && !err; i++) {
		const char *name = new_name(set, i);

		if (name)
			err = take_free_name(set, i, name);
	}
	return err;
}

static int check_rename(struct parser *parser, const struct instance_set *set,
			const struct instance_rename *rename)
{
	int err = instance_name_check(parser, rename->found);

	if (!err)
		err = instance_name_check(parser, rename->name);
	if (err)
		return err;
	if (!strcmp(rename->found, INSTANCE_UNATTRIBUTED) ||
	    !strcmp(rename->name, INSTANCE_UNATTRIBUTED))
		return parser_fail(parser, "\"%s\" is the row of SAs of no HBA",
				   INSTANCE_UNATTRIBUTED);
	for (size_t i = 0; i < set->n_renames; i++) {
		if (!strcmp(set->renames[i].found, rename->found))
			return parser_fail(parser, "\"%s\" is renamed already",
					   rename->found);
		if (!strcmp(set->renames[i].name, rename->name))
			return parser_fail(parser,
					   "\"%s\" is the new name of \"%s\" already",
					   rename->name, set->renames[i].found);
	}
	return 0;
}

static int parse_rename(struct parser *parser, struct instance_rename *rename)
{
	int ret = parser_word(parser, rename->found, sizeof(rename->found));
	char rest[2];

	if (ret > 0)
		ret = parser_word(parser, rename->name, sizeof(rename->name));
	if (ret < 0)
		return ret;
	if (!rename->found[0] || !rename->name[0])
		return parser_fail(parser,
				   "the discovered name or the new name is missing");
	if (parser_word(parser, rest, sizeof(rest)) != 0)
		return parser_fail(parser,
				   "more than two names; write a name with blanks in "
				   "double quotes");
	return 0;
}

int instance_set_add_rename(struct instance_set *set, const char *line, char *error,
			    size_t error_size)
{
	struct parser parser = {line, error, error_size};
	struct instance_rename rename = {.found = ""};
	int err = parse_rename(&parser, &rename);

	if (!err)
		err = check_rename(&parser, set, &rename);
	if (!err)
		err = array_reserve(&set->renames, set->n_renames, 1);
	if (!err)
		set->renames[set->n_renames++] = rename;
	return err;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "instance/instance.h"
#include "util/parser.h"

static const char *renamed(const struct instance_set *set, const char *found)
{
	for (size_t i = 0; i < set->n_renames; i++)
		if (!strcmp(set->renames[i].found, found))
			return set->renames[i].name;
	return found;
}

/* No two renames have one new name, so the chain of those who hold the name that the
 * one before wants ends within n_renames steps, or comes back to its start. */
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

bool instance_may_leave_name(const struct instance_set *renames, const char *found,
			     const char *name)
{
	return *found && strcmp(renamed(renames, found), name) != 0;
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

/* True if a discovered instance is to have another name. *ret_holder: the number of the
 * instance that has that name now, or -ENOENT. */
static bool wants_name(const struct instance_set *set, const struct instance *it,
		       const char **ret_name, int *ret_holder)
{
	if (!it->found[0])
		return false;
	*ret_name = instance_set_served_name(set, it->found);
	if (!strcmp(it->name, *ret_name))
		return false;
	*ret_holder = instance_set_find(set, *ret_name);
	return true;
}

/* What is configured under the name that it leaves needs an instance of its own. */
static int take_free_name(struct instance_set *set, size_t number, const char *name)
{
	struct instance *it = &set->instances[number];
	int other;

	if (!it->configured) {
		memcpy(it->name, name, strlen(name) + 1);
		it->renamed = true;
		return 0;
	}
	other = instance_set_add(set, name);
	if (other < 0)
		return other;
	swap_names(&set->instances[number], &set->instances[other]);
	return 0;
}

/* Names that somebody has come first. After that whoever has yet to be renamed wants a
 * name that is free, and nobody wants the one that it leaves. */
int instance_set_apply_renames(struct instance_set *set)
{
	const char *name;
	int holder;
	int err = 0;

	for (size_t i = 1; i < set->n; i++)
		if (wants_name(set, &set->instances[i], &name, &holder) && holder > 0)
			swap_names(&set->instances[i], &set->instances[holder]);
	for (size_t i = 1; i < set->n && !err; i++)
		if (wants_name(set, &set->instances[i], &name, &holder))
			err = take_free_name(set, i, name);
	return err;
}

static int check_rename(struct parser *parser, const struct instance_set *set,
			const struct instance_rename *rename)
{
	int err;

	if (!rename->found[0] || !rename->name[0])
		return parser_fail(parser,
				   "say the name that is found and the new one");
	err = instance_name_check(parser, rename->found);
	if (!err)
		err = instance_name_check(parser, rename->name);
	if (err)
		return err;
	if (!strcmp(rename->found, INSTANCE_UNATTRIBUTED) ||
	    !strcmp(rename->name, INSTANCE_UNATTRIBUTED))
		return parser_fail(parser,
				   "\"%s\" is the row of what belongs to no HBA",
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

int instance_set_add_rename(struct instance_set *set, const char *line, char *error,
			    size_t error_size)
{
	struct parser parser = {line, error, error_size};
	struct instance_rename rename = {.found = ""};
	struct instance_rename *grown;
	char rest[2];
	int ret = parser_word(&parser, rename.found, sizeof(rename.found));

	if (ret > 0)
		ret = parser_word(&parser, rename.name, sizeof(rename.name));
	if (ret > 0) {
		ret = parser_word(&parser, rest, sizeof(rest));
		if (ret != 0)
			return parser_fail(&parser, "there is more than two names");
	}
	if (ret == 0)
		ret = check_rename(&parser, set, &rename);
	if (ret < 0)
		return ret;
	grown = realloc(set->renames, (set->n_renames + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->renames = grown;
	grown[set->n_renames++] = rename;
	return 0;
}

int instance_set_copy_renames(struct instance_set *set, const struct instance_set *from)
{
	size_t size = from->n_renames * sizeof(*from->renames);
	struct instance_rename *copy = NULL;

	if (size) {
		copy = malloc(size);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, from->renames, size);
	}
	free(set->renames);
	set->renames = copy;
	set->n_renames = from->n_renames;
	return 0;
}

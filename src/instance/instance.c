/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/instance.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/parser.h"

const char *instance_descr(const struct instance *instance)
{
	if (instance->configured && instance->descr[0])
		return instance->descr;
	if (instance->found_descr[0])
		return instance->found_descr;
	return instance->descr[0] ? instance->descr : instance->found;
}

static int find_in(const struct instance_set *set, const char *netns, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->instances[i].name, name) &&
		    !strcmp(set->instances[i].netns, netns))
			return (int)i;
	return -ENOENT;
}

int instance_set_find(const struct instance_set *set, const char *name)
{
	return find_in(set, "", name);
}

int instance_set_find_discovered(const struct instance_set *set, const char *found)
{
	for (size_t i = 1; i < set->n; i++)
		if (!strcmp(set->instances[i].found, found))
			return (int)i;
	return -ENOENT;
}

static size_t free_number(const struct instance_set *set)
{
	size_t number = set->n_used < set->n ? 1 : set->n;

	while (number < set->n && set->instances[number].name[0])
		number++;
	return number;
}

/* Adds an instance for which the array has room. Returns its number. */
static size_t put(struct instance_set *set, const char *netns, const char *name)
{
	size_t number = free_number(set);
	struct instance *instance = &set->instances[number];

	*instance = (struct instance){.added = true};
	snprintf(instance->name, sizeof(instance->name), "%s", name);
	snprintf(instance->netns, sizeof(instance->netns), "%s", netns);
	set->n += number == set->n;
	set->n_used++;
	return number;
}

static int add_in(struct instance_set *set, const char *netns, const char *name)
{
	char copy[INSTANCE_NAME_MAX + 1]; /* name may be in the array, which can move */

	snprintf(copy, sizeof(copy), "%s", name);
	if (array_reserve(&set->instances, set->n, 1) < 0)
		return -ENOMEM;
	return (int)put(set, netns, copy);
}

int instance_set_add(struct instance_set *set, const char *name)
{
	int number = instance_set_find(set, name);

	if (number >= 0)
		return number;
	return instance_name_is_valid(name) ? add_in(set, "", name) : -EINVAL;
}

int instance_set_init(struct instance_set *set)
{
	*set =
	    (struct instance_set){.discover = true, .max_rows = INSTANCE_ROWS_DEFAULT};
	if (add_in(set, "", INSTANCE_UNATTRIBUTED) < 0)
		return -ENOMEM;
	strcpy(set->instances[0].descr, "IPsec traffic that belongs to no HBA");
	return 0;
}

static void free_rules(struct instance *instance)
{
	free(instance->rules);
	instance->rules = NULL;
	instance->n_rules = 0;
}

void instance_set_free(struct instance_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free_rules(&set->instances[i]);
	free(set->instances);
	free(set->renames);
	free(set->refused);
	*set = (struct instance_set){0};
}

void instance_set_remove(struct instance_set *set, size_t number)
{
	free_rules(&set->instances[number]);
	set->instances[number] = (struct instance){.active = false};
	set->n_used--;
}

/* Discovered instances. */

/* One HBA may be refused at each of its connections. */
static int refuse(struct instance_set *set, const char *found)
{
	for (size_t i = 0; i < set->n_refused; i++)
		if (!strcmp(set->refused[i], found))
			return -ENOENT;
	if (array_reserve(&set->refused, set->n_refused, 1) < 0)
		return -ENOMEM;
	strcpy(set->refused[set->n_refused++], found);
	return -ENOENT;
}

/* Adds an instance under the name that it is to have; while another instance has that,
 * under a similar one. Returns the number, -ENOMEM, or -ENOENT. */
static int add_discovered(struct instance_set *set, const char *found, const char *name)
{
	char free_name[INSTANCE_NAME_MAX + 1];

	if (set->n_used >= set->max_rows)
		return refuse(set, found);
	snprintf(free_name, sizeof(free_name), "%s", name);
	for (unsigned i = 2; instance_set_find(set, free_name) >= 0; i++)
		snprintf(free_name, sizeof(free_name), "%.50s~%u", name, i);
	return add_in(set, "", free_name);
}

int instance_set_found(struct instance_set *set, const char *found, bool add)
{
	const char *name = instance_set_served_name(set, found);
	int number = instance_set_find_discovered(set, found);
	bool displaces; /* an instance that has to leave this name */
	int err;

	if (number >= 0)
		return number;
	if (!strcmp(found, INSTANCE_UNATTRIBUTED))
		return -ENOENT; /* no HBA has that name */
	number = instance_set_find(set, found);
	displaces = number > 0 && set->instances[number].found[0];
	number = instance_set_find(set, name);
	if (number < 0 || set->instances[number].found[0])
		number = add ? add_discovered(set, found, name) : -ENOENT;
	if (number < 0)
		return number;
	strcpy(set->instances[number].found, found);
	err = displaces ? instance_set_apply_renames(set) : 0;
	return err ? err : number;
}

/* Configuration. */

static int add_rules(struct instance *instance, const struct instance_rule *rules,
		     size_t n)
{
	if (array_reserve(&instance->rules, instance->n_rules, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		instance->rules[instance->n_rules++] = rules[i];
	return 0;
}

/* Adds to the instance of that name in the namespace, or to a new one. In the set of a
 * whole configuration no number is free, so a new instance is the last. */
static int add_line(struct instance_set *set, const struct instance_line *line)
{
	int found = find_in(set, line->netns, line->name);
	int number = found < 0 ? add_in(set, line->netns, line->name) : found;
	struct instance *to;

	if (number < 0)
		return number;
	to = &set->instances[number];
	if (add_rules(to, &line->rule, line->has_rule) < 0) {
		set->n -= found < 0;
		set->n_used -= found < 0;
		return -ENOMEM;
	}
	if (line->has_descr)
		memcpy(to->descr, line->descr, sizeof(line->descr));
	return 0;
}

int instance_set_add_line(struct instance_set *set, const char *line, char *error,
			  size_t error_size)
{
	struct parser parser = {line, error, error_size};
	struct instance_line parsed;
	int err = instance_line_parse(&parser, &parsed);

	return err ? err : add_line(set, &parsed);
}

bool instance_set_has_netns(const struct instance_set *set, const char *netns)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->instances[i].netns, netns))
			return true;
	return false;
}

int instance_set_check_size(const struct instance_set *set, char *error,
			    size_t error_size)
{
	struct parser parser = {.error = error, .error_size = error_size};

	for (size_t i = 0; i < set->n && set->n > set->max_rows; i++) {
		const char *netns = set->instances[i].netns;
		size_t n = *netns ? 1 : 0; /* each namespace has a row "unattributed" */

		for (size_t k = 0; k < set->n; k++)
			n += !strcmp(set->instances[k].netns, netns) &&
			     (!*netns || strcmp(set->instances[k].name,
						INSTANCE_UNATTRIBUTED) != 0);
		if (n > set->max_rows)
			return parser_fail(
			    &parser,
			    "%zu rows are configured in %s%s, but maxRows is %" PRIu32
			    ": raise it, or remove instances",
			    n, *netns ? "namespace " : "the daemon's own namespace",
			    netns, set->max_rows);
	}
	return 0;
}

static int copy_instance(struct instance_set *set, const struct instance *from)
{
	int number = instance_set_add(set, from->name);

	if (number < 0)
		return number;
	memcpy(set->instances[number].descr, from->descr, sizeof(from->descr));
	return add_rules(&set->instances[number], from->rules, from->n_rules);
}

static int copy_renames(struct instance_set *set, const struct instance_set *from)
{
	if (array_reserve(&set->renames, 0, from->n_renames) < 0)
		return -ENOMEM;
	for (; set->n_renames < from->n_renames; set->n_renames++)
		set->renames[set->n_renames] = from->renames[set->n_renames];
	return 0;
}

int instance_set_select(const struct instance_set *set, const char *netns,
			struct instance_set *ret)
{
	struct instance_set chosen;
	int err = instance_set_init(&chosen);

	if (err)
		return err;
	for (size_t i = 0; i < set->n && !err; i++)
		if (!strcmp(set->instances[i].netns, netns))
			err = copy_instance(&chosen, &set->instances[i]);
	if (!err && !*netns)
		err = copy_renames(&chosen, set);
	chosen.discover = set->discover;
	chosen.max_rows = set->max_rows;
	if (err)
		instance_set_free(&chosen);
	else
		*ret = chosen;
	return err;
}

/* Moves what the configuration says about an instance. */
static void move_config(struct instance *to, struct instance *from)
{
	to->rules = from->rules;
	to->n_rules = from->n_rules;
	to->configured = true;
	memcpy(to->descr, from->descr, sizeof(to->descr));
	from->rules = NULL;
	from->n_rules = 0;
}

int instance_set_merge(struct instance_set *set, struct instance_set *from)
{
	if (array_reserve(&set->instances, set->n, from->n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < set->n; i++) {
		free_rules(&set->instances[i]);
		set->instances[i].configured = false;
	}
	free(set->renames);
	set->renames = from->renames;
	set->n_renames = from->n_renames;
	from->renames = NULL;
	from->n_renames = 0;
	instance_set_apply_renames(set); /* nothing is configured: it cannot fail */
	for (size_t i = 0; i < from->n; i++) {
		const char *name = from->instances[i].name;
		int number = instance_set_find(set, name);

		if (number < 0)
			number = (int)put(set, "", name);
		move_config(&set->instances[number], &from->instances[i]);
	}
	set->discover = from->discover;
	set->max_rows = from->max_rows;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/instance.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Room for so many more, so that adding them cannot fail. */
static int reserve(struct instance_set *set, size_t more)
{
	size_t n = set->n_allocated ? set->n_allocated : 4;
	struct instance *grown;

	while (n < set->n + more)
		n *= 2;
	if (n == set->n_allocated)
		return 0;
	grown = realloc(set->instances, n * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->instances = grown;
	set->n_allocated = n;
	return 0;
}

static size_t free_number(const struct instance_set *set)
{
	size_t number = set->n;

	for (size_t i = 1; i < set->n && set->n_used < set->n && number == set->n; i++)
		if (!set->instances[i].name[0])
			number = i;
	return number;
}

static int add_in(struct instance_set *set, const char *netns, const char *name)
{
	size_t number = free_number(set);
	struct instance *instance;

	if (reserve(set, 1) < 0)
		return -ENOMEM;
	instance = &set->instances[number];
	*instance = (struct instance){.added = true};
	snprintf(instance->name, sizeof(instance->name), "%s", name);
	snprintf(instance->netns, sizeof(instance->netns), "%s", netns);
	if (number == set->n)
		set->n++;
	set->n_used++;
	return (int)number;
}

static int add_instance(struct instance_set *set, const char *name)
{
	return add_in(set, "", name);
}

int instance_set_add(struct instance_set *set, const char *name)
{
	int number = instance_set_find(set, name);

	if (number >= 0)
		return number;
	if (!instance_name_is_valid(name))
		return -EINVAL;
	return add_instance(set, name);
}

int instance_set_find_discovered(const struct instance_set *set, const char *found)
{
	for (size_t i = 1; i < set->n; i++)
		if (!strcmp(set->instances[i].found, found))
			return (int)i;
	return -ENOENT;
}

/* One HBA may be met at each of its connections. */
static int refuse(struct instance_set *set, const char *found)
{
	struct instance_found *grown;

	for (size_t i = 0; i < set->n_refused; i++)
		if (!strcmp(set->refused[i].name, found))
			return -ENOENT;
	grown = realloc(set->refused, (set->n_refused + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	set->refused = grown;
	snprintf(grown[set->n_refused++].name, sizeof(grown->name), "%s", found);
	return -ENOENT;
}

/* A name that no instance has, made of one that another has. */
static void make_other_name(const struct instance_set *set, const char *name,
			    char other[INSTANCE_NAME_MAX + 1])
{
	unsigned i = 2;

	do
		snprintf(other, INSTANCE_NAME_MAX + 1, "%.50s~%u", name, i++);
	while (instance_set_find(set, other) >= 0);
}

/* Under the name that it is to have, or one for the time until the others are renamed.
 * Returns the number, -ENOMEM, or -ENOENT. */
static int add_discovered(struct instance_set *set, const char *found, const char *name)
{
	char other[INSTANCE_NAME_MAX + 1];

	if (set->n_used >= set->max_rows)
		return refuse(set, found);
	if (instance_set_find(set, name) < 0)
		return add_instance(set, name);
	make_other_name(set, name, other);
	return add_instance(set, other);
}

int instance_set_found(struct instance_set *set, const char *found, bool add)
{
	const char *name = instance_set_served_name(set, found);
	int number = instance_set_find_discovered(set, found);
	bool displaces;
	int err;

	if (number >= 0)
		return number;
	if (!strcmp(found, INSTANCE_UNATTRIBUTED))
		return -ENOENT; /* no HBA is called so */
	number = instance_set_find(set, found);
	/* else the names of others stay as they are */
	displaces = number > 0 && set->instances[number].found[0];
	number = instance_set_find(set, name);
	if (number < 0 || set->instances[number].found[0])
		number = add ? add_discovered(set, found, name) : -ENOENT;
	if (number < 0)
		return number;
	memcpy(set->instances[number].found, found, strlen(found) + 1);
	err = displaces ? instance_set_apply_renames(set) : 0;
	return err ? err : number;
}

int instance_set_init(struct instance_set *set)
{
	int number;

	*set =
	    (struct instance_set){.discover = true, .max_rows = INSTANCE_ROWS_DEFAULT};
	number = add_instance(set, INSTANCE_UNATTRIBUTED);
	if (number < 0)
		return number;
	snprintf(set->instances[0].descr, sizeof(set->instances[0].descr),
		 "IPsec traffic that belongs to no HBA");
	return 0;
}

static void free_instance(struct instance *instance)
{
	free(instance->rules);
	instance->rules = NULL;
	instance->n_rules = 0;
}

void instance_set_free(struct instance_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free_instance(&set->instances[i]);
	free(set->instances);
	free(set->renames);
	free(set->refused);
	*set = (struct instance_set){0};
}

void instance_set_remove(struct instance_set *set, size_t number)
{
	free_instance(&set->instances[number]);
	set->instances[number] = (struct instance){.active = false};
	set->n_used--;
}

static int add_rule(struct instance *instance, const struct instance_rule *rule)
{
	struct instance_rule *grown =
	    realloc(instance->rules, (instance->n_rules + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	instance->rules = grown;
	grown[instance->n_rules++] = *rule;
	return 0;
}

/* To the instance of its name, or to a new one: what can fail comes first. */
static int add_line(struct instance_set *set, const struct instance_line *line)
{
	int number = find_in(set, line->netns, line->name);
	struct instance fresh = {.n_rules = 0};
	struct instance *to = number < 0 ? &fresh : &set->instances[number];
	int err = line->has_rule ? add_rule(to, &line->rule) : 0;

	if (err)
		return err;
	if (number < 0) {
		number = add_in(set, line->netns, line->name);
		if (number < 0) {
			free_instance(&fresh);
			return number;
		}
		to = &set->instances[number];
		to->rules = fresh.rules;
		to->n_rules = fresh.n_rules;
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

static void free_rules(struct instance_rule **rules, size_t n)
{
	for (size_t i = 0; rules && i < n; i++)
		free(rules[i]);
	free(rules);
}

/* A copy of each instance's rules, so that nothing can fail later. */
static struct instance_rule **copy_rules(const struct instance_set *from)
{
	struct instance_rule **copies = calloc(from->n, sizeof(*copies));

	for (size_t i = 0; copies && i < from->n; i++) {
		const struct instance *instance = &from->instances[i];
		size_t size = instance->n_rules * sizeof(*instance->rules);

		if (!size)
			continue;
		copies[i] = malloc(size);
		if (!copies[i]) {
			free_rules(copies, i);
			return NULL;
		}
		memcpy(copies[i], instance->rules, size);
	}
	return copies;
}

size_t instance_set_merged_size(const struct instance_set *set,
				const struct instance_set *from)
{
	size_t n = set->n_used;

	for (size_t i = 0; i < from->n; i++) {
		const char *name = from->instances[i].name;
		int number = instance_set_find(set, name);

		n += number < 0 ||
		     instance_may_leave_name(from, set->instances[number].found, name);
	}
	return n > set->n ? n : set->n;
}

/* There is room for all of them. */
static void add_names(struct instance_set *set, const struct instance_set *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (instance_set_find(set, from->instances[i].name) < 0)
			add_instance(set, from->instances[i].name);
}

/* Gives the instance of that name what the configuration says, and takes over the
 * rules. */
static void configure(struct instance *to, const struct instance *from,
		      struct instance_rule *rules)
{
	to->rules = rules;
	to->n_rules = from->n_rules;
	to->configured = true;
	memcpy(to->descr, from->descr, sizeof(to->descr));
}

int instance_set_merge(struct instance_set *set, const struct instance_set *from)
{
	struct instance_rule **rules = copy_rules(from);
	int err = rules ? reserve(set, from->n) : -ENOMEM;

	if (!err)
		err = instance_set_copy_renames(set, from);
	if (err) {
		free_rules(rules, from->n);
		return err;
	}
	for (size_t i = 0; i < set->n; i++) {
		free_instance(&set->instances[i]);
		set->instances[i].configured = false;
	}
	instance_set_apply_renames(set); /* nothing is configured: it cannot fail */
	add_names(set, from);
	for (size_t i = 0; i < from->n; i++) {
		const struct instance *instance = &from->instances[i];

		configure(&set->instances[instance_set_find(set, instance->name)],
			  instance, rules[i]);
	}
	free(rules);
	set->discover = from->discover;
	set->max_rows = from->max_rows;
	return 0;
}

/* One of the namespace's own, as an instance of a set of its own. */
static int copy_instance(struct instance_set *set, const struct instance *from)
{
	int number = instance_set_find(set, from->name);
	int err = 0;

	if (number < 0)
		number = add_instance(set, from->name);
	if (number < 0)
		return number;
	for (size_t i = 0; i < from->n_rules && !err; i++)
		err = add_rule(&set->instances[number], &from->rules[i]);
	memcpy(set->instances[number].descr, from->descr, sizeof(from->descr));
	return err;
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
	chosen.discover = set->discover;
	chosen.max_rows = set->max_rows;
	if (!err && !*netns)
		err = instance_set_copy_renames(&chosen, set);
	if (err)
		instance_set_free(&chosen);
	else
		*ret = chosen;
	return err;
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
		size_t n = *netns ? 1 : 0; /* it has a row "unattributed" too */

		for (size_t k = 0; k < set->n; k++)
			n += !strcmp(set->instances[k].netns, netns) &&
			     (!*netns || strcmp(set->instances[k].name,
						INSTANCE_UNATTRIBUTED) != 0);
		if (n > set->max_rows)
			return parser_fail(
			    &parser,
			    "%zu rows are configured in %s%s, but maxRows is %" PRIu32
			    ": raise it, or take instances away",
			    n, *netns ? "namespace " : "the daemon's own namespace",
			    netns, set->max_rows);
	}
	return 0;
}

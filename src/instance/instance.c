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

/* Found instances and their names. */

static const char *renamed(const struct instance_set *set, const char *found)
{
	for (size_t i = 0; i < set->n_renames; i++)
		if (!strcmp(set->renames[i].found, found))
			return set->renames[i].name;
	return found;
}

static int find_found(const struct instance_set *set, const char *found)
{
	for (size_t i = 1; i < set->n; i++)
		if (!strcmp(set->instances[i].found, found))
			return (int)i;
	return -ENOENT;
}

/* The instance that may have a found HBA under that name, if need be a new one: one of
 * that name that is no other HBA's. */
static int take_name(struct instance_set *set, const char *name, bool add)
{
	int number = instance_set_find(set, name);

	if (number < 0 && add && set->n_used >= set->max_rows)
		return -ENOSPC;
	if (number < 0)
		return add ? add_instance(set, name) : -ENOENT;
	return number > 0 && !set->instances[number].found[0] ? number : -EEXIST;
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

int instance_set_found(struct instance_set *set, const char *found, bool add)
{
	char other[INSTANCE_NAME_MAX + 1];
	int number = find_found(set, found);

	if (number >= 0)
		return number;
	if (!strcmp(found, INSTANCE_UNATTRIBUTED))
		return -ENOENT; /* no HBA is called so */
	number = take_name(set, renamed(set, found), add);
	if (number == -EEXIST)
		number = take_name(set, found, add);
	for (unsigned i = 2; number == -EEXIST; i++) {
		snprintf(other, sizeof(other), "%.50s~%u", found, i);
		number = take_name(set, other, add);
	}
	if (number == -ENOSPC)
		return refuse(set, found);
	if (number > 0)
		snprintf(set->instances[number].found,
			 sizeof(set->instances[number].found), "%s", found);
	return number;
}

static bool wants_rename(const struct instance_set *set, const struct instance *it)
{
	return it->found[0] && strcmp(it->name, renamed(set, it->found)) != 0;
}

static void give_name(struct instance_set *set, struct instance *it)
{
	snprintf(it->name, sizeof(it->name), "%s", renamed(set, it->found));
	it->renamed = true;
}

/* True if it waits for another that has yet to leave the name that it wants. */
static bool waits_for(const struct instance_set *set, const bool *settled, size_t i,
		      size_t *ret_holder)
{
	int number;

	if (settled[i] || !wants_rename(set, &set->instances[i]))
		return false;
	number = instance_set_find(set, renamed(set, set->instances[i].found));
	if (number < 0 || settled[number] ||
	    !wants_rename(set, &set->instances[number]))
		return false;
	*ret_holder = (size_t)number;
	return true;
}

/* The name is free, or will never be: then an instance that is no HBA takes this one
 * over, or this one keeps the name that it has. */
static void settle_name(struct instance_set *set, struct instance *it)
{
	int number = instance_set_find(set, renamed(set, it->found));

	if (number < 0) {
		give_name(set, it);
	} else if (number > 0 && !set->instances[number].found[0]) {
		memcpy(set->instances[number].found, it->found, sizeof(it->found));
		memcpy(set->instances[number].found_descr, it->found_descr,
		       sizeof(it->found_descr));
		it->found[0] = '\0';
	}
}

/* All that are left wait for each other: whoever is reached after so many steps stands
 * in a ring. Its names go round at once. ring has room for all. */
static void settle_ring(struct instance_set *set, bool *settled, size_t at,
			size_t *ring)
{
	size_t start;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++)
		waits_for(set, settled, at, &at);
	start = at;
	do {
		ring[n++] = at;
		waits_for(set, settled, at, &at);
	} while (at != start && n < set->n);
	for (size_t i = 0; i < n; i++) {
		give_name(set, &set->instances[ring[i]]);
		settled[ring[i]] = true;
	}
}

/* Settles each that waits for nobody. Returns how many; *ret_waiting: one that waits,
 * 0: none. */
static size_t settle_free(struct instance_set *set, bool *settled, size_t *ret_waiting)
{
	size_t n = 0;
	size_t holder;

	*ret_waiting = 0;
	for (size_t i = 1; i < set->n; i++) {
		if (settled[i] || !wants_rename(set, &set->instances[i]))
			continue;
		if (waits_for(set, settled, i, &holder)) {
			*ret_waiting = i;
			continue;
		}
		settle_name(set, &set->instances[i]);
		settled[i] = true;
		n++;
	}
	return n;
}

/* What renaming works with. */
struct rename_room {
	bool *settled;
	size_t *ring;
};

static void free_rename_room(struct rename_room *room)
{
	free(room->settled);
	free(room->ring);
}

/* For a set of n instances. Returns 0 or -ENOMEM. */
static int make_rename_room(struct rename_room *room, size_t n)
{
	room->settled = calloc(n, sizeof(*room->settled));
	room->ring = calloc(n, sizeof(*room->ring));
	if (room->settled && room->ring)
		return 0;
	free_rename_room(room);
	return -ENOMEM;
}

/* Each takes the name that another leaves; each round settles one at least. */
static void apply_renames(struct instance_set *set, const struct rename_room *room)
{
	size_t waiting = 1;

	while (waiting)
		if (!settle_free(set, room->settled, &waiting) && waiting)
			settle_ring(set, room->settled, waiting, room->ring);
}

int instance_set_apply_renames(struct instance_set *set)
{
	struct rename_room room;
	int err = make_rename_room(&room, set->n);

	if (err)
		return err;
	apply_renames(set, &room);
	free_rename_room(&room);
	return 0;
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

/* Room for a copy of each rule, so that nothing can fail later. */
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
			while (i > 0)
				free(copies[--i]);
			free(copies);
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

	for (size_t i = 0; i < from->n; i++)
		n += instance_set_find(set, from->instances[i].name) < 0;
	return n > set->n ? n : set->n;
}

/* There is room for all of them. */
static void add_names(struct instance_set *set, const struct instance_set *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (instance_set_find(set, from->instances[i].name) < 0)
			add_instance(set, from->instances[i].name);
}

/* The other's in place of its own. */
static int copy_renames(struct instance_set *set, const struct instance_set *from)
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

int instance_set_merge(struct instance_set *set, const struct instance_set *from)
{
	struct rename_room room;
	struct instance_rule **copies;
	int err = make_rename_room(&room, set->n + from->n);

	if (err)
		return err;
	copies = copy_rules(from);
	err = copies ? reserve(set, from->n) : -ENOMEM;
	if (!err)
		err = copy_renames(set, from);
	if (!err)
		add_names(set, from);
	for (size_t i = 0; !err && i < set->n; i++) {
		free_instance(&set->instances[i]);
		set->instances[i].configured = false;
	}
	for (size_t i = 0; copies && i < from->n; i++) {
		struct instance *to;

		if (err) {
			free(copies[i]);
			continue;
		}
		to = &set->instances[instance_set_find(set, from->instances[i].name)];
		to->rules = copies[i];
		to->n_rules = from->instances[i].n_rules;
		to->configured = true;
		memcpy(to->descr, from->instances[i].descr, sizeof(to->descr));
	}
	free(copies);
	if (!err) {
		set->discover = from->discover;
		set->max_rows = from->max_rows;
		apply_renames(set, &room);
	}
	free_rename_room(&room);
	return err;
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
		err = copy_renames(&chosen, set);
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

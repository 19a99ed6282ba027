/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a configuration: a file, and behind a byte 0 with the line
 * "includeFile b" another one that it may include.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/directives.h"
#include "tests/unit/tree.h"
#include "util/log.h"
#include "util/text.h"

static unsigned n_logged;

static void sink(int level, const char *text)
{
	(void)level;
	HOLDS(*text && text_is_clean(text));
	n_logged++;
}

/* An input reads no file but its own. */
static bool leaves_directory(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	bool leaves = false;

	HOLDS(copy != NULL);
	for (size_t i = 0; i < size; i++)
		copy[i] = data[i] ? (char)data[i] : '\n';
	copy[size] = '\0';
	for (const char *at = copy; (at = strcasestr(at, "include")); at++) {
		size_t line = strcspn(at, "\n");

		leaves |= memchr(at, '/', line) || memmem(at, line, "..", 2);
	}
	free(copy);
	return leaves;
}

static void check_instances(const struct instance_set *set)
{
	HOLDS(set->n >= 1 && !strcmp(set->instances[0].name, INSTANCE_UNATTRIBUTED));
	for (size_t i = 0; i < set->n; i++) {
		const struct instance *it = &set->instances[i];

		HOLDS(instance_name_is_valid(it->name));
		HOLDS(text_is_clean(it->descr));
		HOLDS(!*it->netns || netns_name_is_valid(it->netns));
	}
	for (size_t i = 0; i < set->n_renames; i++)
		HOLDS(instance_name_is_valid(set->renames[i].name));
}

static void check_peers(const struct peer_config *peers)
{
	HOLDS(peers->max_peers >= PEERS_LEAST && peers->max_peers <= PEERS_MOST);
	for (size_t i = 0; i < peers->n_rules; i++) {
		struct prefix group = peer_group(peers, &peers->rules[i].prefix);

		HOLDS(peer_is_valid(&peers->rules[i].prefix));
		HOLDS(peer_equals(&group, &peers->rules[i].prefix));
		HOLDS(text_is_clean(peers->rules[i].label));
	}
}

/* A part for each namespace can be taken out, and merged into another. */
static void check_parts(const struct settings *settings)
{
	struct instance_set part, to;

	HOLDS(instance_set_select(&settings->instances, "", &part) == 0);
	HOLDS(instance_set_init(&to) == 0);
	HOLDS(instance_set_merge(&to, &part) == 0);
	HOLDS(instance_set_apply_renames(&to) == 0);
	check_instances(&to);
	instance_set_free(&to);
	instance_set_free(&part);
}

static void check_settings(const struct settings *settings)
{
	HOLDS(settings->poll_interval_ms >= 100 &&
	      settings->poll_interval_ms <= 3600000);
	HOLDS(settings->max_age_ms >= 10 && settings->stale_after_ms >= 1000 &&
	      settings->save_interval_ms >= 1000 && settings->receive_buffer >= 65536);
	HOLDS(settings->notify.errors_threshold >= 1);
	check_instances(&settings->instances);
	check_peers(&settings->peers);
	check_parts(settings);
	for (size_t i = 0; i < settings->namespaces.n; i++)
		HOLDS(netns_name_is_valid(settings->namespaces.names[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *second = memchr(data, 0, size);
	size_t first_size = second ? (size_t)(second - data) : size;
	struct settings settings;
	struct tree tree;
	char file[sizeof(tree.root) + 8];
	int err;

	if (leaves_directory(data, size))
		return -1;
	log_set_sink(sink);
	tree_make(&tree);
	tree_write(&tree, "a", data, first_size);
	if (second)
		tree_write(&tree, "b", second + 1, size - first_size - 1);
	snprintf(file, sizeof(file), "%s/a", tree.root);
	n_logged = 0;
	err = directives_read(file, &settings);
	HOLDS(err == 0 || err == -EINVAL);
	HOLDS(!err == !n_logged);
	if (!err) {
		check_settings(&settings);
		settings_free(&settings);
	}
	tree_remove(&tree);
	return 0;
}

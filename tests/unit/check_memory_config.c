/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocation fails in turn while configuration is read: a line that is not added
 * has changed nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failing_alloc.h"
#include "instances.h"
#include "kernel/netns.h"
#include "ledger/peer.h"
#include "runner.h"

static const char *const lines[] = {"a local 10.0.0.1 descr \"one\"", "a reqid 3",
				    "b remote 10.0.3.0/24", "c reqid 9 device eth0",
				    NULL};
static const char rename_line[] = "tcp:default storage";

CHAPTER(NULL, NULL);

static char *picture_of_set(const struct instance_set *set)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	for (size_t i = 0; i < set->n; i++)
		fprintf(stream, "%s|%s \"%s\" %zu\n", set->instances[i].netns,
			set->instances[i].name, set->instances[i].descr,
			set->instances[i].n_rules);
	for (size_t i = 0; i < set->n_renames; i++)
		fprintf(stream, "%s->%s\n", set->renames[i].found,
			set->renames[i].name);
	fclose(stream);
	return text;
}

typedef int (*add_fn)(struct instance_set *set, const char *line, char *error,
		      size_t error_size);

/* Fails at each allocation in turn; the last time at none. */
static void add_with_failures(struct instance_set *set, add_fn add, const char *line)
{
	char error[200];
	bool failed = true;

	for (size_t nth = 1; failed; nth++) {
		char *before = picture_of_set(set);
		char *after;
		int err;

		failing_alloc_begin(nth, nth % 2);
		err = add(set, line, error, sizeof(error));
		failed = failing_alloc_end();
		ck_assert_int_eq(err, failed ? -ENOMEM : 0);
		after = picture_of_set(set);
		ck_assert_msg(!failed == !!strcmp(before, after), "%s:\n%s\n%s", line,
			      before, after);
		free(before);
		free(after);
	}
}

TEST(lines_of_configuration)
{
	struct instance_set set;

	failing_alloc_begin(1, false);
	ck_assert_int_eq(instance_set_init(&set), -ENOMEM);
	ck_assert(failing_alloc_end());
	failing_alloc_begin(0, false); /* counts from here on */
	ck_assert_int_eq(instance_set_init(&set), 0);
	for (size_t i = 0; lines[i]; i++)
		add_with_failures(&set, instance_set_add_line, lines[i]);
	add_with_failures(&set, instance_set_add_line, "n namespace blue");
	add_with_failures(&set, instance_set_add_rename, rename_line);
	instance_set_free(&set);
	ck_assert_uint_eq(failing_alloc_live(), 0);
}

TEST(parts_of_a_configuration)
{
	struct instance_set set;
	struct instance_set part;
	bool failed = true;

	failing_alloc_pause();
	ck_assert_int_eq(instance_set_init(&set), 0);
	for (size_t i = 0; lines[i]; i++)
		instances_configure(&set, lines[i]);
	instances_rename(&set, rename_line);
	failing_alloc_resume();
	for (size_t nth = 1; failed; nth++) {
		int err;

		failing_alloc_begin(nth, nth % 2);
		err = instance_set_select(&set, "", &part);
		failed = failing_alloc_end();
		ck_assert_int_eq(err, failed ? -ENOMEM : 0);
		if (failed)
			ck_assert_uint_eq(failing_alloc_live(), 0);
	}
	instance_set_free(&part);
	instance_set_free(&set);
	ck_assert_uint_eq(failing_alloc_live(), 0);
}

TEST(names_of_namespaces)
{
	struct netns_list list = {0};
	char error[200];
	bool failed = true;

	for (size_t nth = 1; failed; nth++) {
		int err;

		failing_alloc_begin(nth, false);
		err = netns_list_add_line(&list, "blue", error, sizeof(error));
		failed = failing_alloc_end();
		ck_assert_int_eq(err, failed ? -ENOMEM : 0);
		ck_assert_uint_eq(list.n, failed ? 0 : 1);
	}
	netns_list_free(&list);
	ck_assert_uint_eq(failing_alloc_live(), 0);
}

TEST(peers)
{
	struct peer_config config = peer_config_default;
	struct peer_config copy;
	char error[200];

	for (int i = 0; i < 2; i++) {
		failing_alloc_begin(1, false);
		ck_assert_int_eq(
		    peer_config_add_line(&config, "192.0.2.0/24", error, sizeof(error)),
		    -ENOMEM);
		ck_assert(failing_alloc_end());
		ck_assert_uint_eq(config.n_rules, 0);
	}
	ck_assert_int_eq(
	    peer_config_add_line(&config, "192.0.2.0/24", error, sizeof(error)), 0);
	failing_alloc_begin(1, false);
	ck_assert_int_eq(peer_config_copy(&config, &copy), -ENOMEM);
	ck_assert(failing_alloc_end());
	peer_config_free(&config);
	ck_assert_uint_eq(failing_alloc_live(), 0);
}

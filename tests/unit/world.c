/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <check.h>
#include <string.h>

#include "instances.h"

struct fake_kernel kernel;
struct collector *collector;
struct snapshot snapshot;
struct tree tree;

const char no_errors[] = "XfrmInNoStates\t0\nXfrmInStateProtoError\t0\n";

void configure(struct instance_set *set, const char *const *lines)
{
	ck_assert_int_eq(instance_set_init(set), 0);
	for (; lines && *lines; lines++)
		instances_configure(set, *lines);
}

struct collector *make_collector(struct fake_kernel *of, const char *netns,
				 const char *const *lines)
{
	const struct collector_options options = {
	    .netns = netns,
	    .sysfs_root = *netns ? NULL : tree.root,
	    .stale_after = 60 * SECOND,
	    .peers = &peer_config_default,
	};
	struct collector *made;
	struct instance_set set;

	configure(&set, lines);
	made = collector_new(&fake_kernel_ops, of, &options, &set);
	ck_assert_ptr_nonnull(made);
	instance_set_free(&set);
	return made;
}

void open_collector(const char *const *lines)
{
	collector_free(collector);
	collector = make_collector(&kernel, "", lines);
}

void reconfigure(const char *const *lines, uint64_t stale_after)
{
	struct instance_set set;

	configure(&set, lines);
	ck_assert_int_eq(
	    collector_reconfigure(collector, &set, &peer_config_default, stale_after),
	    0);
	instance_set_free(&set);
}

void world_setup(void)
{
	tree_make(&tree);
	kernel = (struct fake_kernel){.now = 1000 * SECOND, .xfrm_stat = no_errors};
	fake_kernel_addr(&kernel, "127.0.0.1", 1);
	fake_kernel_addr(&kernel, "10.0.0.1", 2);
	fake_kernel_addr(&kernel, "10.0.1.1", 3);
	collector = NULL;
	snapshot = (struct snapshot){0};
	open_collector(NULL);
}

void world_teardown(void)
{
	snapshot_free(&snapshot);
	collector_free(collector);
	fake_kernel_free(&kernel);
	tree_remove(&tree);
}

void poll_well(void)
{
	ck_assert_int_eq(collector_poll(collector), 0);
}

void poll_badly(int want)
{
	ck_assert_int_eq(collector_poll(collector), want);
}

void read_events(void)
{
	ck_assert_int_eq(collector_read_events(collector), 0);
}

void look(void)
{
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
}

const struct snapshot_row *row(const char *name)
{
	look();
	for (size_t i = 0; i < snapshot.n_rows; i++)
		if (!strcmp(snapshot.rows[i].name, name))
			return &snapshot.rows[i];
	ck_abort_msg("no row %s", name);
}

const struct health *health(void)
{
	look();
	return &snapshot.health;
}

void life_is(const char *name, uint64_t active, uint64_t additions, uint64_t deletions)
{
	const struct stats *stats = &row(name)->stats;

	ck_assert_uint_eq(stats->active_sa, active);
	ck_assert_uint_eq(stats->key_additions, additions);
	ck_assert_uint_eq(stats->key_deletions, deletions);
}

void sad_has(uint64_t bytes)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	sa.bytes = bytes;
	sa.packets = bytes / 100;
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
	fake_kernel_sa(&kernel, &sa);
}

void sad_is_empty(void)
{
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
}

void sa_is_deleted(struct fake_kernel *of, uint64_t bytes)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	sa.bytes = bytes;
	sa.packets = (bytes + 99) / 100;
	fake_kernel_event(of, message_delsa(&sa));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every allocation fails in turn, alone and with all after it, in each step of a
 * collector's life. Nothing crashes or leaks, a step that changes all or nothing has
 * changed nothing, and once there is memory again the numbers are right.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/collector.h"
#include "failing_alloc.h"
#include "failing_kernel.h"
#include "fake_kernel.h"
#include "instances.h"
#include "runner.h"
#include "collector/state.h"
#include "tree.h"
#include "state_save.h"

#define SECOND UINT64_C(1000000000)

enum {
	N_SAS = 150, /* so that tables grow */
};

static const char *const first_lines[] = {"a local 10.0.0.1 descr \"one\"", "a reqid 3",
					  "b remote 10.0.3.0/24",
					  "c reqid 9 device eth0", NULL};
static const char *const first_renames[] = {"tcp:default storage", NULL};
static const char *const later_lines[] = {"b local 10.0.0.1", "d reqid 3",
					  "d reqid 4",        "e local 10.0.1.0/24",
					  "f reqid 77",       NULL};
static const char *const later_renames[] = {"tcp:default d", "tcp:eth1 storage", NULL};

static const struct state_id state_id = {.boot_id = "boot", .netns_cookie = 1};

static struct fake_kernel kernel;
static struct kernel_ops ops;
static struct collector *collector;
static struct tree sysfs;
static struct tree state_dir;

static struct sa_values sa_number(unsigned i)
{
	static char peers[N_SAS + 3][20];
	bool inet6 = i % 10 == 8;

	if (inet6)
		snprintf(peers[i], sizeof(peers[i]), "fd00::%u", i + 1);
	else
		snprintf(peers[i], sizeof(peers[i]), "10.0.%u.%u", 2 + i % 3, i + 1);
	return (struct sa_values){
	    .saddr = inet6   ? "fd00::1"
		     : i % 2 ? "10.0.0.1"
			     : "10.0.1.1",
	    .daddr = peers[i],
	    .proto = i % 5 ? IPPROTO_ESP : IPPROTO_AH,
	    .mode = i % 7 ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL,
	    .spi = 1000 + i,
	    .reqid = i % 10,
	    .algs = i % 5 ? MESSAGE_AEAD : MESSAGE_AUTH,
	    .add_time = 1700000000,
	    .bytes = 1000 * (i + 1),
	    .packets = i + 1,
	    .has_if_id = i == 20,
	    .if_id = i == 20 ? 5 : 0,
	};
}

static void add_policies(void)
{
	const struct policy_values out = {
	    .daddr = "10.0.2.21",
	    .daddr_prefix = 32,
	    .proto = IPPROTO_TCP,
	    .dir = XFRM_POLICY_OUT,
	    .has_if_id = true,
	    .if_id = 5,
	    .n_templates = 1,
	    .templates = {{.family = AF_INET,
			   .proto = IPPROTO_ESP,
			   .mode = XFRM_MODE_TRANSPORT}},
	};

	for (int i = 0; i < 20; i++)
		fake_kernel_policy(&kernel, &out);
}

static void make_world(void)
{
	tree_make(&sysfs);
	tree_make(&state_dir);
	kernel = (struct fake_kernel){
	    .now = 1000 * SECOND, .xfrm_stat = "XfrmInNoStates\t7\n", .route = 6};
	ops = failing_kernel_ops();
	for (uint32_t i = 1; i < 20; i++)
		fake_kernel_addr(&kernel, "192.0.2.1", i);
	fake_kernel_addr(&kernel, "10.0.0.1", 2);
	fake_kernel_addr(&kernel, "10.0.1.1", 3);
	fake_kernel_link(&kernel, 6, 5);
	add_policies();
	for (unsigned i = 0; i < N_SAS; i++) {
		struct sa_values sa = sa_number(i);

		fake_kernel_sa(&kernel, &sa);
	}
	tree_session(&sysfs, 3, 1, "10.0.1.1", "10.0.2.21", "iqn.a");
	tree_session(&sysfs, 4, 2, "10.0.1.1", "10.0.2.22", "iqn.b");
}

static void end_world(void)
{
	collector_free(collector);
	collector = NULL;
	fake_kernel_free(&kernel);
	tree_remove(&sysfs);
	tree_remove(&state_dir);
	ck_assert_uint_eq(failing_alloc_live(), 0);
}

/* Made by the test itself, so it does not fail. */
static struct instance_set configured(const char *const *lines,
				      const char *const *renames)
{
	struct instance_set set;

	failing_alloc_pause();
	ck_assert_int_eq(instance_set_init(&set), 0);
	for (; *lines; lines++)
		instances_configure(&set, *lines);
	for (; *renames; renames++)
		instances_rename(&set, *renames);
	failing_alloc_resume();
	return set;
}

static int open_collector(const char *const *lines, const char *const *renames)
{
	const struct collector_options options = {.netns = "",
						  .sysfs_root = sysfs.root,
						  .stale_after = 60 * SECOND,
						  .peers = &peer_config_default};
	struct instance_set set = configured(lines, renames);

	collector_free(collector);
	collector = collector_new(&ops, &kernel, &options, &set);
	instance_set_free(&set);
	return collector ? 0 : -ENOMEM;
}

/* The steps. Each can be repeated after a failure. */

static int step_open(void)
{
	return open_collector(first_lines, first_renames);
}

static int step_poll(void)
{
	return collector_poll(collector);
}

/* With new SAs, and a session whose record has no row yet. */
static int step_poll_with_news(void)
{
	static bool told;

	failing_alloc_pause();
	if (kernel.dumps[KERNEL_DUMP_SAD].n == N_SAS)
		told = false;
	for (unsigned i = N_SAS; !told && i < N_SAS + 3; i++) {
		struct sa_values sa = sa_number(i);

		fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
		fake_kernel_sa(&kernel, &sa);
	}
	if (!told)
		tree_session(&sysfs, 5, 3, "10.0.1.1", "10.0.2.23", "iqn.c");
	told = true;
	kernel.now += 60 * SECOND;
	failing_alloc_resume();
	return collector_poll(collector);
}

static int step_snapshot(void)
{
	struct snapshot snapshot = {0};
	int err = collector_snapshot(collector, &snapshot);

	snapshot_sort(&snapshot);
	snapshot_free(&snapshot);
	return err;
}

static int step_reconfigure(void)
{
	struct instance_set set = configured(later_lines, later_renames);
	int err =
	    collector_reconfigure(collector, &set, &peer_config_default, 60 * SECOND);

	instance_set_free(&set);
	return err;
}

static int step_save(void)
{
	return state_save(state_dir.root, "", &state_id, collector_rows(collector), 1);
}

static int step_detach(void)
{
	collector_detach(collector);
	return 0;
}

static int step_attach(void)
{
	return collector_attach(collector, &kernel, true);
}

static int step_load(void)
{
	uint64_t last_at;

	failing_alloc_pause();
	ck_assert_int_eq(open_collector(later_lines, later_renames), 0);
	failing_alloc_resume();
	return state_load(state_dir.root, "", &state_id, collector_rows(collector),
			  kernel.now, &last_at);
}

static const struct {
	const char *name;
	int (*take)(void);
	bool all_or_nothing;
	bool loses_records; /* without memory for them, SAs count from 0 again */
} steps[] = {
    {"open", step_open, false, false},
    {"poll", step_poll, false, false},
    {"poll with news", step_poll_with_news, false, false},
    {"snapshot", step_snapshot, true, false},
    {"reconfigure", step_reconfigure, true, false},
    {"poll after it", step_poll, false, false},
    {"detach", step_detach, false, true},
    {"attach", step_attach, false, false},
    {"poll after it", step_poll, false, false},
    {"save", step_save, true, false},
    {"load", step_load, false, false},
    {"last poll", step_poll, false, false},
};

#define N_STEPS (sizeof(steps) / sizeof(*steps))

static void print_stats(FILE *stream, const struct stats *stats)
{
	for (size_t i = 0; i < STAT_COUNT; i++)
		fprintf(stream, " %llu",
			(unsigned long long)stats_get(stats, &stat_columns[i]));
	fputc('\n', stream);
}

static void print_rows(FILE *stream, const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_rows; i++) {
		const struct snapshot_row *row = &snapshot->rows[i];

		fprintf(stream, "%s%s \"%s\" %u", row->name, row->active ? "+" : "",
			row->descr, row->sessions);
		print_stats(stream, &row->stats);
	}
}

/* Sums over all rows, without the columns that rows share, and with additions less
 * deletions: an SA that gets another row counts as both. */
static void print_sums(FILE *stream, const struct snapshot *snapshot)
{
	struct stats sum = {0};

	for (size_t i = 0; i < snapshot->n_rows; i++)
		stats_add(&sum, &snapshot->rows[i].stats);
	sum.bad_spi_packets = 0;
	sum.packets_not_decrypted = 0;
	sum.key_additions -= sum.key_deletions;
	sum.key_deletions = 0;
	print_stats(stream, &sum);
}

/* The snapshot as text. The caller frees it. */
static char *picture_by(void (*print)(FILE *stream, const struct snapshot *snapshot))
{
	struct snapshot snapshot = {0};
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	snapshot_sort(&snapshot);
	print(stream, &snapshot);
	fclose(stream);
	snapshot_free(&snapshot);
	return text;
}

static char *picture(void)
{
	return picture_by(print_rows);
}

static void take_steps(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		ck_assert_msg(steps[i].take() == 0, "%s", steps[i].name);
}

/* Takes the step with a failure. Returns false if it has fewer allocations. */
static bool fail_step(size_t step, size_t nth, bool on, int *ret_err)
{
	failing_alloc_begin(nth, on);
	*ret_err = steps[step].take();
	return failing_alloc_end();
}

static void assert_unchanged(const char *before, size_t step)
{
	char *after;

	if (steps[step].take != step_save)
		ck_assert_int_eq(collector_poll(collector), 0);
	after = picture();
	ck_assert_msg(!strcmp(before, after), "%s:\n%s\n%s", steps[step].name, before,
		      after);
	free(after);
}

static void assert_same(const char *wanted, char *got, size_t step, size_t nth)
{
	ck_assert_msg(!strcmp(wanted, got), "%s, allocation %zu:\n%s\n%s",
		      steps[step].name, nth, wanted, got);
	free(got);
}

/* A poll that could not read everything succeeds, but SAs may count in another row. The
 * sums over all rows are the same. */
static bool is_poll(size_t step)
{
	return steps[step].take == step_poll || steps[step].take == step_poll_with_news;
}

/* The snapshot if nothing fails. */
struct wanted {
	char *rows;
	char *sums;
};

/* Returns false if the step has no nth allocation. */
static bool try_failure(const struct wanted *wanted, size_t step, size_t nth, bool on)
{
	char *before = NULL;
	bool failed;
	int err;

	make_world();
	take_steps(0, step);
	if (collector)
		before = picture();
	failed = fail_step(step, nth, on, &err);
	ck_assert_msg(err == 0 || (failed && err == -ENOMEM), "%s, allocation %zu: %s",
		      steps[step].name, nth, strerror(-err));
	if (err && steps[step].all_or_nothing)
		assert_unchanged(before, step);
	free(before);
	if (err)
		take_steps(step, step + 1);
	take_steps(step + 1, N_STEPS);
	if (!failed || !steps[step].loses_records)
		assert_same(wanted->sums, picture_by(print_sums), step, nth);
	if (!failed || !(steps[step].loses_records || (!err && is_poll(step))))
		assert_same(wanted->rows, picture(), step, nth);
	end_world();
	return failed;
}

CHAPTER(NULL, NULL);

/* QMIPSEC_MEMORY_STRIDE=3: each third only, under valgrind. */
TEST(every_allocation_of_every_step)
{
	const char *text = getenv("QMIPSEC_MEMORY_STRIDE");
	size_t stride = text ? strtoul(text, NULL, 10) : 1;
	struct wanted wanted;
	size_t n = 0;

	ck_assert_uint_gt(stride, 0);
	make_world();
	take_steps(0, N_STEPS);
	wanted.rows = picture();
	wanted.sums = picture_by(print_sums);
	end_world();
	for (size_t step = 0; step < N_STEPS; step++)
		for (int on = 0; on < 2; on++)
			for (size_t nth = 1; try_failure(&wanted, step, nth, on);
			     nth += stride)
				n++;
	ck_assert_uint_gt(n * stride, 250);
	free(wanted.rows);
	free(wanted.sums);
}

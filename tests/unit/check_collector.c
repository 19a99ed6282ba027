/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/collector.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <string.h>

#include "fake_kernel.h"
#include "runner.h"
#include "tree.h"

#define SECOND UINT64_C(1000000000)

static struct fake_kernel kernel;
static struct collector *collector;
static struct snapshot snapshot;
static struct tree tree;

static const char no_errors[] = "XfrmInNoStates\t0\nXfrmInStateProtoError\t0\n";

static void configure(struct instance_set *set, const char *const *lines)
{
	char error[200];

	ck_assert_int_eq(instance_set_init(set), 0);
	for (; lines && *lines; lines++)
		ck_assert_int_eq(
		    instance_set_add_line(set, *lines, error, sizeof(error)), 0);
}

/* A collector with these lines of configuration, the last of them NULL. */
static void open_collector(const char *const *lines)
{
	const struct collector_options options = {
	    .netns = "", .sysfs_root = tree.root, .stale_after = 60 * SECOND};
	struct instance_set set;

	collector_free(collector);
	configure(&set, lines);
	collector = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	ck_assert_ptr_nonnull(collector);
	instance_set_free(&set);
}

#define OPEN(...) open_collector((const char *const[]){__VA_ARGS__, NULL})

static void reconfigure(const char *const *lines, uint64_t stale_after)
{
	struct instance_set set;

	configure(&set, lines);
	ck_assert_int_eq(collector_reconfigure(collector, &set, stale_after), 0);
	instance_set_free(&set);
}

#define RECONFIGURE(...) \
	reconfigure((const char *const[]){__VA_ARGS__, NULL}, 60 * SECOND)

static void setup(void)
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

static void teardown(void)
{
	snapshot_free(&snapshot);
	collector_free(collector);
	fake_kernel_free(&kernel);
	tree_remove(&tree);
}

static void poll_well(void)
{
	ck_assert_int_eq(collector_poll(collector), 0);
}

static void poll_badly(int want)
{
	ck_assert_int_eq(collector_poll(collector), want);
}

static void look(void)
{
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
}

/* A row as it is now. */
static const struct snapshot_row *row(const char *name)
{
	look();
	for (size_t i = 0; i < snapshot.n_rows; i++)
		if (!strcmp(snapshot.rows[i].name, name))
			return &snapshot.rows[i];
	ck_abort_msg("no row %s", name);
}

static const struct health *health(void)
{
	look();
	return &snapshot.health;
}

#define ALL INSTANCE_UNATTRIBUTED

static struct sa_values sa_between(const char *saddr, const char *daddr, uint32_t spi)
{
	return (struct sa_values){
	    .saddr = saddr,
	    .daddr = daddr,
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .spi = spi,
	    .reqid = 1,
	    .algs = MESSAGE_AEAD,
	    .add_time = 1700000000,
	};
}

/* The SAD has this outbound SA of so many bytes, and no other. */
static void sad_has(uint64_t bytes)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);

	sa.bytes = bytes;
	sa.packets = bytes / 100;
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
	fake_kernel_sa(&kernel, &sa);
}

static void sad_is_empty(void)
{
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
}

CHAPTER(setup, teardown);

TEST(a_whole_poll)
{
	struct sa_values in = sa_between("192.0.2.1", "10.0.0.1", 2);
	struct sa_values larval = sa_between("192.0.2.1", "10.0.0.1", 3);
	struct sa_values comp = sa_between("192.0.2.1", "10.0.0.1", 4);
	const struct stats *stats;

	in.bytes = 300;
	in.packets = 3;
	in.window = 32;
	in.integrity_failed = 4;
	in.replay = 5;
	in.replay_window = 6;
	larval.algs = MESSAGE_LARVAL;
	comp.proto = IPPROTO_COMP;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	fake_kernel_sa(&kernel, &larval);
	fake_kernel_sa(&kernel, &comp);
	kernel.dump_takes = 5000;
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateDirError\t2\n"
			   "XfrmInStateProtoError\t10\n";
	poll_well();
	stats = &row(ALL)->stats;
	ck_assert_uint_eq(stats->active_sa, 2);
	ck_assert_uint_eq(stats->pending_key_operations, 1);
	ck_assert_uint_eq(stats->key_additions, 2);
	ck_assert_uint_eq(stats->key_deletions, 0);
	ck_assert_uint_eq(stats->active_tunnels, 1);
	ck_assert_uint_eq(stats->bad_spi_packets, 9);
	ck_assert_uint_eq(stats->packets_not_decrypted, 6);
	ck_assert_uint_eq(stats->packets_not_authenticated, 4);
	ck_assert_uint_eq(stats->packets_with_replay_detection, 3);
	ck_assert_uint_eq(stats->confidential_bytes_sent, 200);
	ck_assert_uint_eq(stats->confidential_bytes_received, 300);
	ck_assert_uint_eq(stats->tunnel_bytes_sent, 200);
	ck_assert_uint_eq(stats->tunnel_bytes_received, 300);
	ck_assert_uint_eq(row(ALL)->replay_failures, 11);
	ck_assert(row(ALL)->active);
	ck_assert_int_eq(row(ALL)->error_scope, ERROR_SCOPE_INSTANCE);
	ck_assert_uint_eq(health()->tracked_sas, 4);
	ck_assert_uint_eq(health()->last_poll, 1000 * SECOND + 5000);
	ck_assert_uint_eq(health()->last_poll_duration, 5000);
	ck_assert_uint_eq(collector_last_poll(collector), 1000 * SECOND + 5000);
	ck_assert_uint_eq(collector_last_duration(collector), 5000);
	ck_assert_uint_eq(health()->failed_polls, 0);
	ck_assert_str_eq(health()->last_error, "");
	ck_assert_uint_eq(snapshot.n_rows, 1);
	ck_assert_uint_eq(snapshot.n_xfrm, 3);
}

TEST(before_the_first_poll)
{
	ck_assert(!row(ALL)->active);
	ck_assert_uint_eq(collector_last_poll(collector), 0);
	ck_assert_uint_eq(health()->last_poll, 0);
	ck_assert_uint_eq(snapshot.n_xfrm, 0);
}

/* Addresses first; the error counters before the dump; events on both sides of it. */
TEST(order_of_reads)
{
	poll_well();
	ck_assert_str_eq(kernel.asked, "AEPXSE");
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EXSE");
}

TEST(events_between_polls)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);

	poll_well();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	ck_assert_int_eq(collector_read_events(collector), 0);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	sa.bytes = 500;
	sa.packets = 5;
	fake_kernel_event(&kernel, message_delsa(&sa));
	ck_assert_int_eq(collector_read_events(collector), 0);
	poll_well(); /* at once: it may yet turn out to be a move */
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
	ck_assert(!collector_wants_poll(collector)); /* nobody needs it so soon */
	kernel.now += LEDGER_MOVE_NS - 1;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	kernel.now++;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
	ck_assert_uint_eq(health()->events, 2);
	ck_assert(!collector_wants_poll(collector));
}

static void sa_is_deleted(struct fake_kernel *fake)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);

	sa.bytes = 600;
	sa.packets = 6;
	fake_kernel_event(fake, message_delsa(&sa));
}

TEST(events_during_the_dump)
{
	sad_has(200);
	poll_well();
	kernel.during = sa_is_deleted;
	kernel.during_after = 1;
	sad_has(500);
	poll_well();
	ck_assert_ptr_null(kernel.during);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	sad_is_empty();
	kernel.now += LEDGER_MOVE_NS;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
}

TEST(events_during_the_dump_that_misses_the_sa)
{
	sad_has(200);
	poll_well();
	kernel.during = sa_is_deleted;
	sad_is_empty();
	poll_well();
	kernel.now += LEDGER_MOVE_NS;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
}

/* A poll that falls between the two messages of a move. */
TEST(a_poll_amid_a_move)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);

	sad_has(200);
	poll_well();
	sa.bytes = 252;
	sa.packets = 3;
	fake_kernel_event(&kernel, message_delsa(&sa));
	ck_assert_int_eq(collector_read_events(collector), 0);
	sad_is_empty();
	kernel.now += LEDGER_MOVE_NS / 2;
	poll_well();
	sa.saddr = "10.0.0.2";
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	ck_assert_int_eq(collector_read_events(collector), 0);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 252);
}

/* Errors: the old rows stand. */

TEST(dumps_that_fail)
{
	static const int errors[] = {-EPERM, -ETIMEDOUT, -ENOBUFS, -EBADMSG, -ENOMEM};

	sad_has(200);
	poll_well();
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		kernel.dump_error[KERNEL_DUMP_SAD] = errors[i];
		kernel.now += SECOND;
		sad_has(300);
		poll_badly(errors[i]);
		ck_assert_uint_eq(health()->failed_polls, i + 1);
		ck_assert_str_ne(health()->last_error, "");
		ck_assert_ptr_nonnull(
		    strstr(health()->last_error, strerror(-errors[i])));
		ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
		ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
		ck_assert_uint_eq(health()->last_poll, 1000 * SECOND);
	}
	ck_assert(collector_wants_poll(collector));
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
}

TEST(first_poll_without_permission)
{
	kernel.dump_error[KERNEL_DUMP_SAD] = -EPERM;
	poll_badly(-EPERM);
	ck_assert(!row(ALL)->active);
	ck_assert_uint_eq(health()->failed_polls, 1);
	ck_assert_uint_eq(collector_last_poll(collector), 0);
}

TEST(a_dump_cut_short)
{
	struct sa_values second = sa_between("10.0.0.1", "192.0.2.1", 2);

	second.bytes = 50;
	sad_has(200);
	fake_kernel_sa(&kernel, &second);
	poll_well();
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.dump_error_after[KERNEL_DUMP_SAD] = 1;
	for (int i = 0; i < 3; i++)
		poll_badly(-ETIMEDOUT);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 2);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 250);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1000 * SECOND);
}

TEST(other_reads_that_fail)
{
	sad_has(200);
	poll_well();
	kernel.addrs_changed = true;
	kernel.dump_error[KERNEL_DUMP_ADDRS] = -ETIMEDOUT;
	kernel.dump_error_after[KERNEL_DUMP_ADDRS] = 1;
	poll_well();
	ck_assert_int_eq(collector_read_events(collector), 0);
	kernel.dump_error[KERNEL_DUMP_ADDRS] = 0;
	kernel.n_events_errors = 1;
	kernel.events_error = -EIO;
	poll_well();
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(health()->failed_polls, 0);
}

TEST(policies_that_cannot_be_read)
{
	kernel.dump_error[KERNEL_DUMP_SPD] = -ETIMEDOUT;
	poll_well();
	ck_assert_ptr_nonnull(strstr(health()->last_error, "the policies"));
	kernel.dump_error[KERNEL_DUMP_SPD] = 0;
	poll_well();
}

TEST(a_bad_message_in_the_dump)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);
	struct nlmsghdr *whole = message_newsa(XFRM_MSG_NEWSA, &sa);

	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SAD], message_cut(whole, 100));
	free(whole);
	poll_badly(-EBADMSG);
	sad_is_empty();
	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SAD], message_flushsa(0));
	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SAD], message_raw(200, NULL, 0));
	poll_well();
}

/* Lost events. */

TEST(events_were_dropped)
{
	sad_has(200);
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = 1;
	kernel.now += SECOND;
	ck_assert_int_eq(collector_read_events(collector), 0);
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_eq(health()->event_losses, 1);
	sad_has(300);
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 300);
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
}

/* What survived is read, in the same call. */
TEST(what_survives_a_drop)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);

	poll_well();
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = 2;
	sa.bytes = 70;
	sa.packets = 1;
	fake_kernel_event(&kernel, message_delsa(&sa));
	ck_assert_int_eq(collector_read_events(collector), 0);
	ck_assert_uint_eq(health()->event_losses, 2);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 70);
}

static void events_are_dropped(struct fake_kernel *fake)
{
	fake->events_error = -ENOBUFS;
	fake->n_events_errors = 1;
}

/* Those that were lost while the dump ran the dump may not have shown. */
TEST(events_dropped_during_the_dump)
{
	poll_well();
	kernel.now += SECOND;
	kernel.during = events_are_dropped;
	poll_well();
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 1);
}

TEST(a_flood_does_not_starve_the_dump)
{
	sad_has(200);
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = UINT32_MAX;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_lt(strlen(kernel.asked), 100);
}

/* What is left unread before a dump is read after it; only what is left then is lost.
 */
TEST(a_burst_that_takes_long_to_read)
{
	static const struct {
		unsigned n_events;
		bool lost;
	} bursts[] = {{4, false}, {5, false}, {14, false}, {15, true}};

	for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		poll_well();
		kernel.events_a_read = 1;
		for (unsigned n = 0; n < bursts[i].n_events; n++) {
			struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1",
							 1000 * (uint32_t)i + n + 1);

			fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
			fake_kernel_sa(&kernel, &sa);
		}
		kernel.now += SECOND;
		poll_well();
		ck_assert_int_eq(collector_wants_poll(collector), bursts[i].lost);
		ck_assert_int_eq(row(ALL)->discontinuity == kernel.now, bursts[i].lost);
		ck_assert_uint_eq(health()->event_losses, 0);
		kernel.events_a_read = 0;
		poll_well();
	}
}

TEST(a_bad_event_is_a_lost_event)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);
	struct nlmsghdr *whole = message_newsa(XFRM_MSG_NEWSA, &sa);

	poll_well();
	fake_kernel_event(&kernel, message_cut(whole, 100));
	free(whole);
	ck_assert_int_eq(collector_read_events(collector), 0);
	ck_assert(collector_wants_poll(collector));
	sad_has(40);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 40);
	ck_assert_uint_eq(health()->resyncs, 1);
}

TEST(a_resync_that_fails_is_still_owed)
{
	poll_well();
	kernel.events_error = -ENOBUFS;
	kernel.n_events_errors = 1;
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	poll_badly(-ETIMEDOUT);
	ck_assert(collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 0);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert(!collector_wants_poll(collector));
}

/* Someone else knows that messages are missing. */
TEST(a_gap_that_was_told)
{
	poll_well();
	kernel.now += SECOND;
	collector_note_gap(collector);
	ck_assert(collector_wants_poll(collector));
	poll_well();
	ck_assert(!collector_wants_poll(collector));
	ck_assert_uint_eq(health()->resyncs, 1);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
}

TEST(a_flush_marks_its_rows)
{
	struct sa_values other = sa_between("10.0.1.1", "192.0.2.1", 2);

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	sad_has(200);
	poll_well();
	kernel.now += SECOND;
	fake_kernel_event(&kernel, message_flushsa(0));
	sad_is_empty();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &other));
	fake_kernel_sa(&kernel, &other);
	poll_well();
	ck_assert_uint_eq(row("a")->stats.key_deletions, 1);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("a")->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row("b")->discontinuity, 1000 * SECOND);
	ck_assert_uint_eq(row("b")->stats.active_sa, 1);
}

/* Age. */

TEST(rows_go_stale)
{
	OPEN("a local 10.0.0.1");
	poll_well();
	ck_assert(row("a")->active && row(ALL)->active);
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.now += 60 * SECOND;
	poll_badly(-ETIMEDOUT);
	ck_assert(row("a")->active && row(ALL)->active);
	kernel.now += 1;
	poll_badly(-ETIMEDOUT);
	ck_assert(!row("a")->active && !row(ALL)->active);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	poll_well();
	ck_assert(row("a")->active && row(ALL)->active);
}

TEST(stale_after_is_reconfigured)
{
	poll_well();
	reconfigure(NULL, 5 * SECOND);
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.now += 6 * SECOND;
	poll_badly(-ETIMEDOUT);
	ck_assert(!row(ALL)->active);
}

/* Columns 7 and 8, which only the namespace has. */

TEST(errors_with_no_instance)
{
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	ck_assert_int_eq(row(ALL)->error_scope, ERROR_SCOPE_INSTANCE);
}

TEST(errors_with_one_instance)
{
	OPEN("a local 10.0.0.1");
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 10);
	ck_assert_int_eq(row("a")->error_scope, ERROR_SCOPE_INSTANCE);
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 0);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 0);
}

TEST(errors_with_two_instances)
{
	static const char *const names[] = {"a", "b", ALL};

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(row(names[i])->stats.bad_spi_packets, 7);
		ck_assert_uint_eq(row(names[i])->stats.packets_not_decrypted, 10);
		ck_assert_int_eq(row(names[i])->error_scope, ERROR_SCOPE_NAMESPACE);
	}
}

TEST(errors_as_instances_are_added)
{
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	poll_well();
	RECONFIGURE("a local 10.0.0.1");
	kernel.xfrm_stat = "XfrmInNoStates\t9\nXfrmInStateProtoError\t15\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 2);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 5);
	RECONFIGURE("a local 10.0.0.1", "b local 10.0.1.1");
	kernel.xfrm_stat = "XfrmInNoStates\t10\nXfrmInStateProtoError\t16\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 10);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 10);
	ck_assert_uint_eq(row("b")->stats.packets_not_decrypted, 16);
}

TEST(not_decrypted_never_goes_back)
{
	struct sa_values sa = sa_between("192.0.2.1", "10.0.0.1", 1);

	kernel.xfrm_stat = "XfrmInStateProtoError\t10\n";
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	/* failures that came between the two reads */
	sad_is_empty();
	sa.integrity_failed = 3;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	kernel.xfrm_stat = "XfrmInStateProtoError\t14\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 11);
	sad_is_empty();
	sa.integrity_failed = 100;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 11);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_authenticated, 100);
}

/* An integrity failure of any row's SA is one of the namespace's protocol errors. */
TEST(integrity_failures_of_all_rows)
{
	struct sa_values a = sa_between("192.0.2.1", "10.0.0.1", 1);
	struct sa_values b = sa_between("192.0.2.1", "10.0.1.1", 2);

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	a.integrity_failed = 2;
	b.integrity_failed = 3;
	fake_kernel_sa(&kernel, &a);
	fake_kernel_sa(&kernel, &b);
	kernel.xfrm_stat = "XfrmInStateProtoError\t9\n";
	poll_well();
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 4);
	ck_assert_uint_eq(row("a")->stats.packets_not_authenticated, 2);
	ck_assert_uint_eq(row("b")->stats.packets_not_authenticated, 3);
}

TEST(xfrm_table)
{
	kernel.xfrm_stat = "XfrmInError\t1\nXfrmInIptfsError\t2\n";
	poll_well();
	look();
	ck_assert_uint_eq(snapshot.n_xfrm, 2);
	ck_assert_str_eq(snapshot.xfrm[1].counter.name, "XfrmInIptfsError");
	ck_assert_uint_eq(snapshot.xfrm[1].counter.value, 2);
}

/* Whose SA, and which way. */

TEST(rows_by_configuration)
{
	struct sa_values in = sa_between("192.0.2.1", "10.0.1.1", 2);

	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	in.bytes = 30;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	poll_well();
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_received, 30);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
}

/* Policies are read where an SA needs them, and again when they have changed. */
TEST(policies_tell_the_direction)
{
	struct sa_values sa = sa_between("10.0.0.1", "10.0.1.1", 1);
	const struct policy_values policy = {
	    .saddr = "0.0.0.0",
	    .daddr = "0.0.0.0",
	    .dir = XFRM_POLICY_OUT,
	    .n_templates = 1,
	    .templates = {{.family = AF_INET, .mode = XFRM_MODE_TUNNEL, .reqid = 1}},
	};

	sa.bytes = 70;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 0);
	fake_kernel_policy(&kernel, &policy);
	fake_kernel_event(&kernel, message_newpolicy(&policy));
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 70);
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_ptr_null(strchr(kernel.asked, 'P'));
}

TEST(policies_are_not_read_in_vain)
{
	const struct policy_values policy = {.saddr = "0.0.0.0", .daddr = "0.0.0.0"};

	poll_well();
	memset(kernel.asked, 0, sizeof(kernel.asked));
	for (int i = 0; i < 3; i++) {
		fake_kernel_event(&kernel, message_newpolicy(&policy));
		sad_has(200);
		poll_well();
	}
	ck_assert_ptr_null(strchr(kernel.asked, 'P'));
}

TEST(many_policies)
{
	const struct policy_values policy = {.saddr = "0.0.0.0", .daddr = "0.0.0.0"};

	for (int i = 0; i < 100; i++)
		fake_kernel_policy(&kernel, &policy);
	fake_kernel_add(&kernel.dumps[KERNEL_DUMP_SPD], message_raw(200, NULL, 0));
	poll_well();
}

TEST(addresses_that_come_later)
{
	struct sa_values sa = sa_between("10.0.9.1", "192.0.2.1", 1);

	OPEN("a local 10.0.9.1");
	sa.bytes = 70;
	fake_kernel_sa(&kernel, &sa);
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 0);
	fake_kernel_addr(&kernel, "10.0.9.1", 9);
	kernel.addrs_changed = true;
	poll_well();
	ck_assert(row("a")->active);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 70);
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_ADDRS]);
	kernel.addrs_changed = true;
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 70);
}

/* New configuration. */

TEST(a_new_instance_takes_what_is_its_own)
{
	sad_has(200);
	poll_well();
	kernel.now += SECOND;
	RECONFIGURE("a local 10.0.0.1 descr \"the first\"");
	ck_assert_str_eq(row("a")->descr, "the first");
	sad_has(250);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 50);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1000 * SECOND);
}

TEST(an_instance_that_is_gone_keeps_its_row)
{
	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	sad_has(200);
	poll_well();
	RECONFIGURE("b local 10.0.1.1");
	sad_has(250);
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert(row("b")->active);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 250);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(snapshot.n_rows, 3);
}

/* The system's view: interfaces and sessions. */

TEST(sessions)
{
	OPEN("a local 10.0.0.1", "b local 10.0.1.1 remote 192.0.2.9", "c reqid 7");
	tree_session(&tree, 3, 1, "10.0.0.1", "192.0.2.1", "iqn.2024-01.org.example:a");
	tree_session(&tree, 4, 2, "10.0.0.1", "192.0.2.2", "iqn.2024-01.org.example:a");
	tree_session(&tree, 5, 3, "10.0.1.1", "192.0.2.1", "iqn.2024-01.org.example:b");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 2);
	ck_assert_str_eq(row("a")->transport, "tcp");
	ck_assert_str_eq(row("a")->initiator_name, "iqn.2024-01.org.example:a");
	ck_assert_uint_eq(row("b")->sessions, 0);
	ck_assert_str_eq(row("b")->transport, "");
	ck_assert_uint_eq(row("c")->sessions, 0);
	tree_remove(&tree);
	tree_make(&tree);
	OPEN("a local 10.0.0.1");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 0);
}

/* A name that was known once stays when its sessions are gone. */
TEST(sessions_that_end)
{
	OPEN("a local 10.0.0.1");
	tree_session(&tree, 3, 1, "10.0.0.1", "192.0.2.1", "iqn.2024-01.org.example:a");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 1);
	tree_delete(&tree, "class/iscsi_connection/connection1:0");
	poll_well();
	ck_assert_uint_eq(row("a")->sessions, 0);
	ck_assert_str_eq(row("a")->initiator_name, "iqn.2024-01.org.example:a");
}

/* HBAs that are found, and whose SAs the policies tell. */

static const struct policy_values out_policy = {
    .saddr = "10.0.0.1",
    .daddr = "192.0.2.1",
    .saddr_prefix = 32,
    .daddr_prefix = 32,
    .proto = IPPROTO_TCP,
    .dport = 3260,
    .dport_mask = 0xffff,
    .dir = XFRM_POLICY_OUT,
    .n_templates = 1,
    .templates = {{.saddr = "10.0.0.1",
		   .daddr = "192.0.2.1",
		   .family = AF_INET,
		   .proto = IPPROTO_ESP,
		   .mode = XFRM_MODE_TUNNEL,
		   .reqid = 1}},
};

static void log_in(void)
{
	tree_session(&tree, 3, 1, "10.0.0.1", "192.0.2.1", "iqn.2024-01.org.example:a");
	tree_text(&tree, "class/iscsi_connection/connection1:0/port", "3260\n");
}

TEST(a_found_hba)
{
	log_in();
	fake_kernel_policy(&kernel, &out_policy);
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(snapshot.n_rows, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 1);
	ck_assert_uint_eq(snapshot.n_rows, 2);
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("tcp:default")->sessions, 1);
	ck_assert_uint_eq(row("tcp:default")->if_index, 2);
	ck_assert(row("tcp:default")->active);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
	tree_delete(&tree, "class/iscsi_connection/connection1:0");
	sad_has(300);
	poll_well();
	ck_assert(!row("tcp:default")->active);
	ck_assert_uint_eq(row("tcp:default")->sessions, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 300);
	ck_assert_str_eq(row("tcp:default")->transport, "tcp");
}

/* strongSwan makes the SAs, then the policies. */
TEST(a_policy_just_after_its_sa)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);

	log_in();
	poll_well();
	sa.bytes = 52;
	sa.packets = 1;
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &sa));
	ck_assert_int_eq(collector_read_events(collector), 0);
	fake_kernel_policy(&kernel, &out_policy);
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row("tcp:default")->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 0);
}

static void policy_comes(struct fake_kernel *fake)
{
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.1", 1);

	fake_kernel_event(fake, message_newsa(XFRM_MSG_NEWSA, &sa));
	fake_kernel_policy(fake, &out_policy);
	fake_kernel_event(fake, message_newpolicy(&out_policy));
}

TEST(a_policy_during_the_dump)
{
	log_in();
	poll_well();
	kernel.during = policy_comes;
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row("tcp:default")->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
}

/* An SA that served before the session came moves, and what it carried stays. */
TEST(a_session_after_its_sa)
{
	fake_kernel_policy(&kernel, &out_policy);
	sad_has(200);
	poll_well();
	log_in();
	sad_has(300);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 100);
	ck_assert_uint_eq(row("tcp:default")->stats.key_additions, 1);
}

/* The SPD is read when it changes, not at each poll; and not at all for nobody. */
TEST(policies_are_read_when_needed)
{
	poll_well();
	memset(kernel.asked, 0, sizeof(kernel.asked));
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EXSE");
	log_in();
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EPXSE");
	memset(kernel.asked, 0, sizeof(kernel.asked));
	poll_well();
	ck_assert_str_eq(kernel.asked, "EXSE");
}

static const struct sa_values between_the_ends = {
    .saddr = "10.0.0.1",
    .daddr = "192.0.2.1",
    .proto = IPPROTO_ESP,
    .mode = XFRM_MODE_TRANSPORT,
    .spi = 9,
    .reqid = 5,
    .algs = MESSAGE_AEAD,
    .add_time = 1700000000,
};

static void sa_without_policy_comes(void)
{
	log_in();
	poll_well();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &between_the_ends));
	fake_kernel_sa(&kernel, &between_the_ends);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

TEST(a_guess_waits_for_the_policy)
{
	struct policy_values policy = out_policy;

	sa_without_policy_comes();
	policy.proto = IPPROTO_UDP;
	policy.templates[0].mode = XFRM_MODE_TRANSPORT;
	policy.templates[0].reqid = 5;
	fake_kernel_policy(&kernel, &policy);
	fake_kernel_event(&kernel, message_newpolicy(&policy));
	poll_well();
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 0);
}

TEST(a_guess_when_none_comes)
{
	sa_without_policy_comes();
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 1);
}

TEST(a_guess_at_the_start)
{
	log_in();
	fake_kernel_sa(&kernel, &between_the_ends);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 0);
}

/* The policies have been read, but not what they hang on. */
TEST(a_policy_before_a_dump_that_fails)
{
	struct policy_values other = out_policy;

	log_in();
	other.has_if_id = true;
	other.if_id = 9;
	fake_kernel_policy(&kernel, &other);
	kernel.route = 2;
	poll_well();
	fake_kernel_policy(&kernel, &out_policy);
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	sad_has(100);
	kernel.dump_error[KERNEL_DUMP_LINKS] = -EINTR;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 100);
	kernel.dump_error[KERNEL_DUMP_LINKS] = 0;
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 100);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 1);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
}

TEST(discovery_that_is_turned_off)
{
	struct instance_set set;

	log_in();
	poll_well();
	configure(&set, NULL);
	set.discover = false;
	ck_assert_int_eq(collector_reconfigure(collector, &set, 60 * SECOND), 0);
	instance_set_free(&set);
	fake_kernel_policy(&kernel, &out_policy);
	fake_kernel_event(&kernel, message_newpolicy(&out_policy));
	sad_has(100);
	poll_well();
	ck_assert(!row("tcp:default")->active);
	ck_assert_uint_eq(row("tcp:default")->sessions, 0);
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

/* Which interface a rule names is known before whose a connection is. */
TEST(a_session_by_its_device)
{
	kernel.interface = "eth0";
	kernel.if_index = 2;
	OPEN("san device eth0");
	log_in();
	poll_well();
	ck_assert_uint_eq(row("san")->sessions, 1);
	ck_assert_uint_eq(snapshot.n_rows, 2);
}

/* Under its new name a row has numbers that nobody has seen there. */
TEST(renames_are_discontinuities)
{
	struct instance_set set;
	char error[200];

	log_in();
	poll_well();
	kernel.now += 5 * SECOND;
	configure(&set, NULL);
	ck_assert_int_eq(
	    instance_set_add_rename(&set, "tcp:default storage", error, sizeof(error)),
	    0);
	ck_assert_int_eq(collector_reconfigure(collector, &set, SECOND), 0);
	ck_assert_uint_eq(row("storage")->discontinuity, kernel.now);
	kernel.now += SECOND;
	ck_assert_int_eq(collector_reconfigure(collector, &set, SECOND), 0);
	ck_assert_uint_eq(row("storage")->discontinuity, kernel.now - SECOND);
	instance_set_free(&set);
}

/* Two tunnels to anywhere: which one the connection takes, its route tells. */
TEST(routes_tell_the_policy)
{
	struct policy_values policy = out_policy;
	struct sa_values sa = sa_between("10.0.0.1", "192.0.2.9", 1);

	log_in();
	policy.saddr = policy.daddr = "0.0.0.0";
	policy.saddr_prefix = policy.daddr_prefix = 0;
	policy.has_if_id = sa.has_if_id = true;
	for (uint32_t i = 7; i <= 8; i++) {
		policy.if_id = sa.if_id = i;
		policy.templates[0].daddr = sa.daddr =
		    i == 7 ? "192.0.2.9" : "192.0.2.8";
		sa.spi = sa.reqid = policy.templates[0].reqid = i;
		sa.bytes = 100 * i;
		sa.packets = i;
		fake_kernel_policy(&kernel, &policy);
		fake_kernel_sa(&kernel, &sa);
		fake_kernel_link(&kernel, 50 + i, i);
	}
	kernel.route = 58;
	poll_well();
	ck_assert_str_eq(kernel.asked, "AEPLRXSE");
	ck_assert_uint_eq(row("tcp:default")->stats.confidential_bytes_sent, 800);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 700);
}

TEST(no_route_no_tunnel)
{
	struct policy_values policy = out_policy;

	log_in();
	policy.has_if_id = true;
	policy.if_id = 7;
	fake_kernel_policy(&kernel, &policy);
	fake_kernel_link(&kernel, 57, 7);
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

/* With one HBA what the namespace counts is its own, with two it is shared; adapters
 * that XFRM never sees have no part in it. */
TEST(errors_of_found_hbas)
{
	log_in();
	tree_link(&tree, "class/iscsi_host/host8",
		  "../../devices/pci0000:00/0000:00:03.0/host8/iscsi_host/host8");
	tree_text(&tree, "class/scsi_host/host8/proc_name", "qla4xxx\n");
	kernel.xfrm_stat = "XfrmInNoStates\t5\n";
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.bad_spi_packets, 5);
	ck_assert_int_eq(row("tcp:default")->error_scope, ERROR_SCOPE_INSTANCE);
	ck_assert_uint_eq(row("qla4xxx:0000:00:03.0")->stats.bad_spi_packets, 0);
	ck_assert(row("qla4xxx:0000:00:03.0")->active);
	tree_session(&tree, 4, 2, "10.0.1.1", "192.0.2.2", "iqn.2024-01.org.example:a");
	tree_text(&tree,
		  "devices/platform/host4/session2/iscsi_session/session2/ifacename",
		  "eth1\n");
	kernel.xfrm_stat = "XfrmInNoStates\t8\n";
	poll_well();
	ck_assert_uint_eq(row("tcp:default")->stats.bad_spi_packets, 8);
	ck_assert_uint_eq(row("tcp:eth1")->stats.bad_spi_packets, 8);
	ck_assert_int_eq(row("tcp:eth1")->error_scope, ERROR_SCOPE_NAMESPACE);
	ck_assert_uint_eq(row("qla4xxx:0000:00:03.0")->stats.bad_spi_packets, 0);
	ck_assert_int_eq(row("qla4xxx:0000:00:03.0")->error_scope,
			 ERROR_SCOPE_INSTANCE);
}

TEST(devices)
{
	OPEN("a device eth0");
	sad_has(200);
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->if_index, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	kernel.interface = "eth0";
	kernel.if_index = 2;
	sad_has(300);
	poll_well();
	ck_assert(row("a")->active);
	ck_assert_uint_eq(row("a")->if_index, 2);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 100);
	kernel.interface = NULL;
	poll_well();
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("a")->if_index, 0);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
}

TEST(two_namespaces_in_one_snapshot)
{
	const struct collector_options options = {
	    .netns = "blue", .sysfs_root = tree.root, .stale_after = 60 * SECOND};
	struct fake_kernel other = {.now = 500 * SECOND, .xfrm_stat = no_errors};
	struct collector *second;
	struct instance_set set;

	configure(&set, NULL);
	second = collector_new(&fake_kernel_ops, &other, &options, &set);
	instance_set_free(&set);
	sad_has(200);
	poll_well();
	ck_assert_int_eq(collector_poll(second), 0);
	look();
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_uint_eq(snapshot.n_rows, 2);
	ck_assert_str_eq(snapshot.rows[0].netns, "");
	ck_assert_str_eq(snapshot.rows[1].netns, "blue");
	ck_assert_uint_eq(snapshot.n_xfrm, 4);
	ck_assert_uint_eq(snapshot.health.last_poll, 500 * SECOND);
	ck_assert_uint_eq(snapshot.health.tracked_sas, 1);
	collector_free(second);
	fake_kernel_free(&other);
}

/* The oldest of the namespaces' polls is told: one that never was is older than any. */
TEST(a_namespace_that_was_never_polled)
{
	const struct collector_options options = {
	    .netns = "blue", .sysfs_root = tree.root, .stale_after = 60 * SECOND};
	struct collector *second;
	struct instance_set set;

	configure(&set, NULL);
	second = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	instance_set_free(&set);
	poll_well();
	look();
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_uint_eq(snapshot.health.last_poll, 0);
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	ck_assert_uint_eq(snapshot.health.last_poll, 0);
	collector_free(second);
}

TEST(rows_of_another_namespace)
{
	struct collector_options options = {
	    .netns = "blue", .sysfs_root = NULL, .stale_after = 60 * SECOND};
	struct instance_set set;

	configure(&set, (const char *const[]){"a reqid 1", NULL});
	collector_free(collector);
	collector = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	sad_has(200);
	poll_well();
	ck_assert_uint_eq(row("blue/a")->stats.confidential_bytes_sent, 200);
	ck_assert_str_eq(row("blue/a")->netns, "blue");
	ck_assert_uint_eq(row("blue/unattributed")->stats.active_sa, 0);
	ck_assert_uint_eq(snapshot.n_rows, 2);
	ck_assert_str_eq(snapshot.xfrm[0].netns, "blue");

	options.netns = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
	collector_free(collector);
	collector = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	instance_set_free(&set);
	poll_well();
	row("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn/a");
	row("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn~85a51159");
	ck_assert_str_eq(snapshot.rows[0].netns, options.netns);
	ck_assert_str_eq(snapshot.xfrm[0].netns, options.netns);
}

/* A namespace that goes, and another of its name. */

static void come_again(bool same)
{
	ck_assert_int_eq(collector_attach(collector, &kernel, same), 0);
}

TEST(a_namespace_goes)
{
	struct sa_values larval = sa_between("192.0.2.1", "10.0.0.1", 3);
	uint64_t before;

	struct sa_values younger = sa_between("10.0.0.1", "192.0.2.1", 4);

	larval.algs = MESSAGE_LARVAL;
	younger.add_time++; /* of the first: a rekey, if that went alone */
	OPEN("a remote 192.0.2.2");
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	sad_has(200);
	fake_kernel_sa(&kernel, &larval);
	fake_kernel_sa(&kernel, &younger);
	poll_well();
	before = row("a")->discontinuity;
	kernel.now += SECOND;
	collector_detach(collector);
	memset(&kernel.asked, 0, sizeof(kernel.asked));
	kernel.now += SECOND;
	ck_assert(!row(ALL)->active);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.pending_key_operations, 0);
	ck_assert_uint_eq(row(ALL)->stats.active_tunnels, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 2);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 2);
	ck_assert_uint_eq(row(ALL)->stats.rekeys, 0);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1001 * SECOND);
	ck_assert_uint_eq(row("a")->discontinuity, before);
	ck_assert_uint_eq(snapshot.n_xfrm, 0);
	ck_assert_uint_eq(health()->tracked_sas, 0);
	ck_assert_str_eq(kernel.asked, "");
	ck_assert(!collector_wants_poll(collector));
	collector_detach(collector); /* has no effect */
	RECONFIGURE("a remote 192.0.2.2", "b reqid 9");
	ck_assert(!row("b")->active);
	ck_assert_uint_eq(row("b")->discontinuity, 1001 * SECOND);
}

TEST(another_namespace_of_the_name)
{
	struct sa_values in = sa_between("192.0.2.1", "10.0.0.1", 2);

	in.integrity_failed = 4;
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 6);
	collector_detach(collector);
	/* the very same numbers, and yet another's */
	come_again(false);
	kernel.xfrm_stat = no_errors;
	in.integrity_failed = 0;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 400);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 4);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 2);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 2);
	ck_assert_uint_eq(row(ALL)->stats.active_tunnels, 1);
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 7);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 6);
	ck_assert(row(ALL)->active);
	/* its errors count from the first */
	in.integrity_failed = 1;
	sad_has(200);
	fake_kernel_sa(&kernel, &in);
	kernel.xfrm_stat = "XfrmInNoStates\t1\nXfrmInStateProtoError\t3\n";
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 8);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_authenticated, 5);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 8);
	/* and again */
	collector_detach(collector);
	come_again(false);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 9);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_authenticated, 6);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
}

/* The very namespace, which lived on unwatched: nothing of it is counted twice. */
TEST(the_same_namespace_again)
{
	kernel.xfrm_stat = "XfrmInNoStates\t7\nXfrmInStateProtoError\t10\n";
	sad_has(200);
	poll_well();
	collector_detach(collector);
	kernel.now += 100 * SECOND;
	come_again(true);
	ck_assert(collector_wants_poll(collector));
	kernel.xfrm_stat = "XfrmInNoStates\t9\nXfrmInStateProtoError\t10\n";
	sad_has(500);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 2);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 1);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
	ck_assert_uint_eq(row(ALL)->stats.active_tunnels, 1);
	ck_assert_uint_eq(row(ALL)->stats.bad_spi_packets, 9);
	ck_assert_uint_eq(row(ALL)->stats.packets_not_decrypted, 10);
	ck_assert_uint_eq(row(ALL)->discontinuity, 1100 * SECOND);
	/* what is gone by then is gone */
	collector_detach(collector);
	come_again(true);
	sad_is_empty();
	poll_well();
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 3);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 3);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 500);
}

/* What events and a failed dump left open is settled at the end. */
TEST(a_namespace_goes_amid_everything)
{
	struct sa_values leaving = sa_between("10.0.0.1", "192.0.2.1", 1);
	struct sa_values found = sa_between("10.0.0.1", "192.0.2.1", 2);

	sad_has(200);
	poll_well();
	leaving.bytes = 250;
	leaving.packets = 3;
	fake_kernel_event(&kernel, message_delsa(&leaving));
	ck_assert_int_eq(collector_read_events(collector), 0);
	found.bytes = 70;
	found.packets = 1;
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
	fake_kernel_sa(&kernel, &found);
	kernel.dump_error[KERNEL_DUMP_SAD] = -ETIMEDOUT;
	kernel.dump_error_after[KERNEL_DUMP_SAD] = 1;
	poll_badly(-ETIMEDOUT);
	collector_detach(collector);
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 320);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 0);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 2);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 2);
	come_again(false);
	kernel.dump_error[KERNEL_DUMP_SAD] = 0;
	sad_has(10);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.confidential_bytes_sent, 330);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

TEST(whether_anything_was_counted)
{
	struct sa_values larval = sa_between("192.0.2.1", "10.0.0.1", 3);

	larval.algs = MESSAGE_LARVAL;
	fake_kernel_sa(&kernel, &larval);
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.pending_key_operations, 1);
	ck_assert(!collector_has_counted(collector));
	kernel.xfrm_stat = "XfrmInNoStates\t1\n";
	poll_well();
	ck_assert(collector_has_counted(collector));
	open_collector(NULL);
	kernel.xfrm_stat = no_errors;
	sad_has(0);
	poll_well();
	ck_assert(collector_has_counted(collector));
}

/* One that has gone makes the others' last poll no older. */
TEST(health_without_those_that_have_gone)
{
	const struct collector_options options = {
	    .netns = "blue", .sysfs_root = NULL, .stale_after = 60 * SECOND};
	struct fake_kernel other = {.now = 500 * SECOND, .xfrm_stat = no_errors};
	struct collector *second;
	struct instance_set set;

	configure(&set, NULL);
	second = collector_new(&fake_kernel_ops, &other, &options, &set);
	instance_set_free(&set);
	poll_well();
	ck_assert_int_eq(collector_poll(second), 0);
	other.dump_error[KERNEL_DUMP_SAD] = -EIO;
	ck_assert_int_eq(collector_poll(second), -EIO);
	collector_detach(second);
	look();
	ck_assert_int_eq(collector_snapshot(second, &snapshot), 0);
	ck_assert_uint_eq(snapshot.health.last_poll, 1000 * SECOND);
	ck_assert_uint_eq(snapshot.health.failed_polls, 1);
	ck_assert_uint_eq(collector_health(second)->failed_polls, 1);
	collector_free(second);
	fake_kernel_free(&other);
}

TEST(a_rekey_before_the_same_namespace_again)
{
	struct sa_values old = sa_between("10.0.0.1", "192.0.2.1", 1);
	struct sa_values younger = sa_between("10.0.0.1", "192.0.2.1", 4);

	younger.add_time++;
	fake_kernel_sa(&kernel, &old);
	poll_well();
	fake_kernel_event(&kernel, message_newsa(XFRM_MSG_NEWSA, &younger));
	fake_kernel_event(&kernel, message_delsa(&old));
	sad_is_empty();
	fake_kernel_sa(&kernel, &younger);
	poll_well();
	collector_detach(collector);
	ck_assert_uint_eq(row(ALL)->stats.rekeys, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 2);
	come_again(true);
	kernel.now += SECOND;
	poll_well();
	ck_assert_uint_eq(row(ALL)->stats.rekeys, 1);
	ck_assert_uint_eq(row(ALL)->stats.key_additions, 3);
	ck_assert_uint_eq(row(ALL)->stats.key_deletions, 2);
	ck_assert_uint_eq(row(ALL)->stats.active_sa, 1);
}

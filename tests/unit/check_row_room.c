/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/row_room.h"

#include <errno.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/state.h"
#include "fake_kernel.h"
#include "hba.h"
#include "runner.h"

#define SECOND UINT64_C(1000000000)
#define ALL INSTANCE_UNATTRIBUTED

static struct instance_set set;

static void setup_set(uint32_t max_rows)
{
	ck_assert_int_eq(instance_set_init(&set), 0);
	set.max_rows = max_rows;
}

/* Rows of a collector. HBA N is record rN, from 10.0.0.1 to 192.0.2.N, with its
 * own policies. */

static struct fake_kernel kernel;
static struct collector *collector;
static struct snapshot snapshot;
static struct tree tree;

static void open_collector(uint32_t max_rows, const char *line)
{
	const struct collector_options options = {.netns = "",
						  .sysfs_root = tree.root,
						  .stale_after = 60 * SECOND,
						  .peers = &peer_config_default};
	char error[200];

	setup_set(max_rows);
	if (line)
		ck_assert_int_eq(
		    instance_set_add_line(&set, line, error, sizeof(error)), 0);
	collector = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	ck_assert_ptr_nonnull(collector);
	instance_set_free(&set);
}

static const char *remote_of(unsigned hba)
{
	static char text[8][16];
	static unsigned at;
	char *to = text[at++ % 8];

	snprintf(to, sizeof(text[0]), "192.0.2.%u", hba);
	return to;
}

static void setup(void)
{
	tree_make(&tree);
	kernel = (struct fake_kernel){.now = 1000 * SECOND, .xfrm_stat = ""};
	fake_kernel_addr(&kernel, "10.0.0.1", 2);
	for (unsigned hba = 1; hba < 10; hba++) {
		const struct policy_values policy = {
		    .saddr = "10.0.0.1",
		    .daddr = remote_of(hba),
		    .saddr_prefix = 32,
		    .daddr_prefix = 32,
		    .dir = XFRM_POLICY_OUT,
		    .n_templates = 1,
		    .templates = {{.saddr = "10.0.0.1",
				   .daddr = remote_of(hba),
				   .family = AF_INET,
				   .proto = IPPROTO_ESP,
				   .mode = XFRM_MODE_TUNNEL,
				   .reqid = hba}},
		};

		fake_kernel_policy(&kernel, &policy);
	}
	collector = NULL;
	snapshot = (struct snapshot){0};
}

static void teardown(void)
{
	snapshot_free(&snapshot);
	collector_free(collector);
	fake_kernel_free(&kernel);
	tree_remove(&tree);
}

CHAPTER(setup, teardown);

static void log_in(unsigned hba)
{
	const struct hba_host host = {HBA_ISCSI_TCP, hba, .ipaddress = "10.0.0.1"};
	char record[16];
	const struct hba_session session = {.number = hba,
					    .target = "iqn.2003-01.org.example:t",
					    .iface = record,
					    .initiator = "iqn.2003-01.org.example:i",
					    .address = remote_of(hba)};

	snprintf(record, sizeof(record), "r%u", hba);
	hba_log_in(&tree, &host, &session);
}

static void log_out(unsigned hba)
{
	const struct hba_host host = {.driver = HBA_ISCSI_TCP, .number = hba};
	const struct hba_session session = {.number = hba};

	hba_log_out(&tree, &host, &session);
}

static void no_sas(void)
{
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
}

static struct sa_values sa_of_hba(unsigned hba, uint64_t bytes)
{
	struct sa_values sa = sa_values_of("10.0.0.1", remote_of(hba), hba);

	sa.reqid = hba;
	sa.bytes = bytes;
	sa.packets = bytes / 100;
	return sa;
}

static void add_sa(unsigned hba, uint64_t bytes)
{
	const struct sa_values sa = sa_of_hba(hba, bytes);

	fake_kernel_sa(&kernel, &sa);
}

static void delete_sa(unsigned hba, uint64_t bytes)
{
	const struct sa_values sa = sa_of_hba(hba, bytes);

	fake_kernel_event(&kernel, message_delsa(&sa));
}

/* A poll, a second, and a poll that settles open deletions. */
static void poll(void)
{
	kernel.now += SECOND;
	ck_assert_int_eq(collector_poll(collector), 0);
	kernel.now += SECOND;
	ck_assert_int_eq(collector_poll(collector), 0);
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	snapshot_sort(&snapshot);
}

static void rows_are(const char *const *names)
{
	size_t n = 0;

	for (; names[n]; n++)
		ck_assert_msg(snapshot_find(&snapshot, names[n]) != NULL, "no %s",
			      names[n]);
	ck_assert_uint_eq(snapshot.n_rows, n);
}

#define ROWS_ARE(...) rows_are((const char *const[]){ALL, __VA_ARGS__, NULL})

static uint64_t sent(const char *name)
{
	const struct snapshot_row *row = snapshot_find(&snapshot, name);

	ck_assert_msg(row != NULL, "no %s", name);
	return row->stats.confidential_bytes_sent;
}

TEST(a_row_that_another_gets)
{
	const struct snapshot_row *row;

	open_collector(3, NULL);
	log_in(1);
	add_sa(1, 200);
	poll();
	ck_assert_uint_eq(sent("tcp:r1"), 200);
	log_out(1);
	no_sas();
	delete_sa(1, 300);
	poll();
	log_in(2);
	poll();
	ROWS_ARE("tcp:r1", "tcp:r2");
	ck_assert_uint_eq(sent("tcp:r1"), 300);
	ck_assert_uint_eq(collector_status(collector)->room.n_dropped, 0);
	log_out(2);
	poll();
	log_in(3);
	add_sa(3, 50);
	poll();
	ROWS_ARE("tcp:r2", "tcp:r3");
	ck_assert_uint_eq(collector_status(collector)->room.n_dropped, 1);
	ck_assert_str_eq(collector_status(collector)->room.dropped, "tcp:r1");
	row = snapshot_find(&snapshot, "tcp:r3");
	ck_assert_uint_eq(sent("tcp:r3"), 50);
	ck_assert_uint_eq(row->stats.key_additions, 1);
	ck_assert_uint_eq(row->stats.key_deletions, 0);
	ck_assert_uint_eq(row->discontinuity, kernel.now - SECOND);
	ck_assert_uint_eq(sent(ALL), 0);
	/* it is new when it returns */
	log_in(1);
	poll();
	ROWS_ARE("tcp:r3", "tcp:r1");
	ck_assert_uint_eq(sent("tcp:r1"), 0);
	ck_assert_uint_eq(snapshot_find(&snapshot, "tcp:r1")->discontinuity,
			  kernel.now - SECOND);
	ck_assert_uint_eq(sent("tcp:r3"), 50);
}

TEST(sas_keep_their_row)
{
	open_collector(3, "c reqid 99");
	log_in(1);
	add_sa(1, 200);
	poll();
	log_out(1);
	poll();
	log_in(2);
	add_sa(2, 70);
	poll();
	/* a row too many does not stop the others */
	ROWS_ARE("c", "tcp:r1");
	ck_assert_uint_eq(collector_status(collector)->room.n_refused, 1);
	ck_assert_str_eq(collector_status(collector)->room.refused, "tcp:r2");
	ck_assert_uint_eq(sent("tcp:r1"), 200);
	ck_assert_uint_eq(sent(ALL), 70);
	no_sas();
	add_sa(1, 250);
	add_sa(2, 80);
	poll();
	ck_assert_uint_eq(sent("tcp:r1"), 250);
	ck_assert_uint_eq(sent(ALL), 80);
	/* and gets its row when there is room */
	no_sas();
	add_sa(2, 90);
	delete_sa(1, 260);
	poll();
	poll();
	ROWS_ARE("c", "tcp:r2");
	ck_assert_uint_eq(collector_status(collector)->room.n_refused, 0);
	ck_assert_uint_eq(snapshot_find(&snapshot, "tcp:r2")->stats.active_sa, 1);
	ck_assert_uint_eq(sent(ALL) + sent("tcp:r2"), 90);
}

/* The errors of the namespace are a difference of sums over all rows. */
TEST(integrity_failures_of_a_row_that_is_dropped)
{
	struct sa_values sa = sa_of_hba(1, 100);

	open_collector(2, NULL);
	kernel.xfrm_stat = "XfrmInStateProtoError 7\n";
	sa.integrity_failed = 5;
	log_in(1);
	fake_kernel_sa(&kernel, &sa);
	poll();
	ck_assert_uint_eq(
	    snapshot_find(&snapshot, "tcp:r1")->stats.packets_not_decrypted, 2);
	log_out(1);
	no_sas();
	fake_kernel_event(&kernel, message_delsa(&sa));
	poll();
	log_in(2);
	poll();
	ROWS_ARE("tcp:r2");
	kernel.xfrm_stat = "XfrmInStateProtoError 8\n";
	poll();
	ck_assert_uint_eq(
	    snapshot_find(&snapshot, "tcp:r2")->stats.packets_not_decrypted, 1);
}

static void reconfigure(uint32_t max_rows, const char *line)
{
	char error[200];

	setup_set(max_rows);
	if (line)
		ck_assert_int_eq(
		    instance_set_add_line(&set, line, error, sizeof(error)), 0);
	ck_assert_int_eq(
	    collector_reconfigure(collector, &set, &peer_config_default, 60 * SECOND),
	    0);
	instance_set_free(&set);
}

TEST(fewer_rows_after_a_reload)
{
	open_collector(10, "c reqid 99");
	for (unsigned hba = 1; hba < 6; hba++)
		log_in(hba);
	add_sa(2, 200);
	poll();
	for (unsigned hba = 1; hba < 5; hba++) {
		log_out(hba);
		poll();
	}
	reconfigure(4, "c reqid 99");
	poll();
	/* r2 has an SA, r5 a session */
	ROWS_ARE("c", "tcp:r2", "tcp:r5");
	ck_assert_uint_eq(sent("tcp:r2"), 200);
	/* an instance that is no longer configured is gone as well */
	reconfigure(3, NULL);
	poll();
	ROWS_ARE("tcp:r2", "tcp:r5");
	reconfigure(2, NULL);
	poll();
	ROWS_ARE("tcp:r2", "tcp:r5");
	no_sas();
	poll();
	poll();
	ROWS_ARE("tcp:r5");
	/* configured ones need no room */
	reconfigure(2, "d reqid 98");
	poll();
	ROWS_ARE("tcp:r5", "d");
}

/* The namespace may come back with the SAs. */
TEST(sas_of_a_namespace_that_has_disappeared_keep_their_row)
{
	open_collector(10, NULL);
	log_in(1);
	log_in(2);
	add_sa(1, 200);
	poll();
	log_out(1);
	log_out(2);
	poll();
	collector_detach(collector);
	reconfigure(1, NULL);
	ck_assert_int_eq(collector_attach(collector, &kernel, true), 0);
	poll();
	ROWS_ARE("tcp:r1");
	ck_assert_uint_eq(sent("tcp:r1"), 200);
}

/* With an unused number, and HBAs that are gone. */
TEST(saved_and_restored)
{
	char *data = NULL;
	size_t size;
	FILE *stream;

	open_collector(4, NULL);
	for (unsigned hba = 1; hba < 4; hba++) {
		log_in(hba);
		add_sa(hba, hba * 100);
	}
	poll();
	log_out(1);
	no_sas();
	add_sa(2, 200);
	add_sa(3, 300);
	poll();
	log_out(3);
	poll();
	reconfigure(3, NULL);
	poll();
	ROWS_ARE("tcp:r2", "tcp:r3");
	stream = open_memstream(&data, &size);
	ck_assert_int_eq(state_body_save(collector_rows(collector), stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
	collector_free(collector);
	open_collector(3, NULL);
	stream = fmemopen(data, size, "r");
	ck_assert_int_eq(state_body_load(collector_rows(collector), kernel.now, stream),
			 0);
	fclose(stream);
	free(data);
	poll();
	ROWS_ARE("tcp:r2", "tcp:r3");
	ck_assert_uint_eq(sent("tcp:r2"), 200);
	ck_assert_uint_eq(sent("tcp:r3"), 300);
	ck_assert_str_eq(snapshot_find(&snapshot, "tcp:r3")->descr,
			 "open-iscsi interface \"r3\"");
	/* the order in which they disappeared is known */
	log_out(2);
	no_sas();
	poll();
	poll();
	log_in(4);
	poll();
	ROWS_ARE("tcp:r2", "tcp:r4");
}

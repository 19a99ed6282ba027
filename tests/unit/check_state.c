/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/state.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "collector/state_body.h"
#include "runner.h"
#include "tree.h"

#define FILE_NAME "qmipsecd.state"

/* The file's head, as state.c writes it; to forge files whose checksum is right. */
struct header {
	char magic[8];
	uint32_t version;
	uint32_t header_size;
	uint32_t sizes[STATE_BODY_STRUCTS];
	struct state_id id;
	uint64_t last_at;
	uint64_t body_size;
	uint64_t checksum; /* of all the rest */
};

static const struct state_id ours = {.boot_id = "01234567-89ab-cdef-0123-456789abcdef",
				     .netns_cookie = 4711};

static struct fake_kernel kernel;
static struct collector *collector;
static struct snapshot snapshot;
static struct tree tree;
static uint64_t last;

static void open_collector(const char *const *lines)
{
	const struct collector_options options = {
	    .netns = "", .sysfs_root = "/nonexistent", .stale_after = UINT64_MAX};
	struct instance_set set;
	char error[200];

	collector_free(collector);
	ck_assert_int_eq(instance_set_init(&set), 0);
	for (; *lines; lines++)
		ck_assert_int_eq(
		    instance_set_add_line(&set, *lines, error, sizeof(error)), 0);
	collector = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	ck_assert_ptr_nonnull(collector);
	instance_set_free(&set);
}

#define OPEN(...) open_collector((const char *const[]){__VA_ARGS__, NULL})
#define OPEN_PLAIN() open_collector((const char *const[]){NULL})

static struct sa_values sa_from(const char *saddr, uint32_t spi, uint64_t bytes)
{
	return (struct sa_values){
	    .saddr = saddr,
	    .daddr = "192.0.2.1",
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .spi = spi,
	    .reqid = 1,
	    .algs = MESSAGE_AEAD,
	    .add_time = 1700000000,
	    .bytes = bytes,
	    .packets = bytes / 10,
	};
}

static void sad_has(uint64_t a_bytes, uint64_t b_bytes)
{
	struct sa_values a = sa_from("10.0.0.1", 1, a_bytes);
	struct sa_values b = sa_from("10.0.1.1", 2, b_bytes);

	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
	fake_kernel_sa(&kernel, &a);
	fake_kernel_sa(&kernel, &b);
}

static void setup(void)
{
	tree_make(&tree);
	kernel = (struct fake_kernel){.now = 7777,
				      .xfrm_stat = "XfrmInNoStates\t7\n"
						   "XfrmInStateProtoError\t10\n"};
	fake_kernel_addr(&kernel, "10.0.0.1", 1);
	fake_kernel_addr(&kernel, "10.0.1.1", 2);
	snapshot = (struct snapshot){0};
	collector = NULL;
	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	sad_has(200, 30);
	ck_assert_int_eq(collector_poll(collector), 0);
}

static void teardown(void)
{
	snapshot_free(&snapshot);
	collector_free(collector);
	fake_kernel_free(&kernel);
	tree_remove(&tree);
}

static const struct snapshot_row *row(const char *name)
{
	snapshot_free(&snapshot);
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	for (size_t i = 0; i < snapshot.n_rows; i++)
		if (!strcmp(snapshot.rows[i].name, name))
			return &snapshot.rows[i];
	ck_abort_msg("no row %s", name);
}

static void save(void)
{
	ck_assert_int_eq(state_save(tree.root, "", &ours, collector, true), 0);
}

static int load(void)
{
	return state_load(tree.root, "", &ours, collector, &last);
}

CHAPTER(setup, teardown);

/* Whether a daemon ended with it is part of the state. */
TEST(last_or_not)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(state_save(tree.root, "", &ours, collector, i == 1),
				 0);
		last = i == 0;
		OPEN_PLAIN();
		ck_assert_int_eq(load(), 0);
		ck_assert_uint_eq(last, i == 1);
	}
}

TEST(round_trip)
{
	save();
	kernel.now = 9999;
	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	ck_assert_uint_eq(row("a")->stats.active_sa, 1);
	ck_assert_uint_eq(row("a")->discontinuity, 7777);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 7);
	sad_has(250, 35);
	kernel.xfrm_stat = "XfrmInNoStates\t8\nXfrmInStateProtoError\t13\n";
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 250);
	ck_assert_uint_eq(row("a")->stats.key_additions, 1);
	ck_assert_uint_eq(row("a")->stats.key_deletions, 0);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_sent, 35);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 8);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 13);
	ck_assert_uint_eq(row("a")->discontinuity, 7777);
}

/* Columns 7 and 8 of one instance go on by what was added, not by the whole. */
TEST(errors_of_one_instance_go_on)
{
	OPEN("a local 10.0.0.1");
	ck_assert_int_eq(collector_poll(collector), 0);
	save();
	OPEN("a local 10.0.0.1");
	ck_assert_int_eq(load(), 0);
	kernel.xfrm_stat = "XfrmInNoStates\t9\nXfrmInStateProtoError\t14\n";
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 9);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 14);
}

TEST(nothing_is_lost_over_two_restarts)
{
	for (int i = 0; i < 2; i++) {
		save();
		OPEN("a local 10.0.0.1", "b local 10.0.1.1");
		ck_assert_int_eq(load(), 0);
	}
	sad_has(300, 30);
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_sent, 30);
	ck_assert_uint_eq(row("b")->stats.key_additions, 1);
}

/* Rows go by name: their numbers may have changed with the configuration. */
TEST(other_configuration)
{
	save();
	OPEN("c local 10.0.9.9", "b local 10.0.1.1");
	ck_assert_int_eq(load(), 0);
	sad_has(250, 35);
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 250);
	ck_assert(!row("a")->active);
	ck_assert_uint_eq(row("b")->stats.confidential_bytes_sent, 35);
	ck_assert_uint_eq(row("c")->stats.confidential_bytes_sent, 0);
	ck_assert_uint_eq(snapshot.n_rows, 4);
}

TEST(no_file)
{
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert_int_eq(state_load("/nonexistent", "", &ours, collector, &last),
			 -ENOENT);
	ck_assert_int_eq(state_save("/nonexistent", "", &ours, collector, true),
			 -ENOENT);
}

TEST(last_is_told_of_good_files_alone)
{
	last = true;
	ck_assert_int_eq(load(), -ENOENT);
	ck_assert(last);
	ck_assert_int_eq(state_save(tree.root, "", &ours, collector, false), 0);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	ck_assert(!last);
	tree_text(&tree, FILE_NAME, "junk");
	ck_assert_int_eq(load(), -EBADMSG);
	ck_assert(!last);
	tree_remove(&tree);
	tree_make(&tree);
	save();
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	ck_assert(last);
}

TEST(path_too_long)
{
	char path[5000];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(state_load(path, "", &ours, collector, &last), -ENAMETOOLONG);
	ck_assert_int_eq(state_save(path, "", &ours, collector, true), -ENAMETOOLONG);
}

TEST(another_boot_or_namespace)
{
	struct state_id other = ours;

	save();
	OPEN_PLAIN();
	other.boot_id[35] ^= 1;
	ck_assert_int_eq(state_load(tree.root, "", &other, collector, &last), -ESTALE);
	other = ours;
	other.netns_cookie++;
	ck_assert_int_eq(state_load(tree.root, "", &other, collector, &last), -ESTALE);
	other = ours;
	other.boot_id[0] = '\0';
	ck_assert_int_eq(state_load(tree.root, "", &other, collector, &last), -ESTALE);
	row(INSTANCE_UNATTRIBUTED);
	ck_assert_uint_eq(snapshot.n_rows, 1);
}

/* What was refused must have left no trace: the collector is as new. */
static void refused_whole(int err, const char *what, size_t at)
{
	ck_assert_msg(err == -EBADMSG || err == -ESTALE, "%d: %s %zu", err, what, at);
	row(INSTANCE_UNATTRIBUTED);
	ck_assert_uint_eq(snapshot.n_rows, 1);
	ck_assert_uint_eq(snapshot.rows[0].stats.key_additions, 0);
}

TEST(truncated_at_every_length)
{
	size_t len;
	char *data;

	save();
	data = tree_read(&tree, FILE_NAME, &len);
	OPEN_PLAIN();
	for (size_t i = 0; i < len; i++) {
		tree_write(&tree, FILE_NAME, data, i);
		refused_whole(load(), "cut at", i);
	}
	free(data);
}

TEST(every_byte_flipped)
{
	static const char flips[] = {1, (char)0x80, (char)0xff};
	size_t len;
	char *data;

	save();
	data = tree_read(&tree, FILE_NAME, &len);
	OPEN_PLAIN();
	for (size_t i = 0; i < len; i++) {
		for (size_t j = 0; j < sizeof(flips); j++) {
			data[i] ^= flips[j];
			tree_write(&tree, FILE_NAME, data, len);
			refused_whole(load(), "flipped at", i);
			data[i] ^= flips[j];
		}
	}
	free(data);
}

TEST(longer_than_it_says)
{
	size_t len;
	char *data;

	save();
	data = tree_read(&tree, FILE_NAME, &len);
	data[len] = 0;
	tree_write(&tree, FILE_NAME, data, len + 1);
	OPEN_PLAIN();
	refused_whole(load(), "longer", len);
	free(data);
}

static uint64_t fnv(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* A head that fits the body, but for its checksum. */
static struct header good_header(size_t len)
{
	struct header header = {.magic = "qmipsec",
				.version = 6,
				.header_size = sizeof(struct header),
				.id = ours,
				.last_at = 1,
				.body_size = len};

	memcpy(header.sizes, state_body_sizes, sizeof(header.sizes));
	return header;
}

/* Writes head and body with the right checksum. */
static void forge(struct header header, const char *body)
{
	size_t len = header.body_size;
	char *file = malloc(sizeof(header) + len + 1);

	header.checksum = fnv(UINT64_C(0xcbf29ce484222325), &header, sizeof(header));
	header.checksum = fnv(header.checksum, body, len);
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), body, len);
	tree_write(&tree, FILE_NAME, file, sizeof(header) + len);
	free(file);
}

/* The body of a good file. */
static char *good_body(size_t *ret_len)
{
	char *data;
	size_t len;

	save();
	data = tree_read(&tree, FILE_NAME, &len);
	*ret_len = len - sizeof(struct header);
	memmove(data, data + sizeof(struct header), *ret_len);
	return data;
}

static int load_forged(const char *body, size_t len)
{
	forge(good_header(len), body);
	OPEN_PLAIN();
	return load();
}

TEST(forged_files_that_are_good)
{
	size_t len;
	char *body = good_body(&len);

	ck_assert_int_eq(load_forged(body, len), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	free(body);
}

TEST(files_of_another_build)
{
	size_t len;
	char *body = good_body(&len);

	for (size_t i = 0; i <= STATE_BODY_STRUCTS; i++) {
		struct header header = good_header(len);

		*(i ? &header.sizes[i - 1] : &header.header_size) += 8;
		forge(header, body);
		OPEN_PLAIN();
		ck_assert_int_eq(load(), -EBADMSG);
	}
	free(body);
}

/* A right checksum over nonsense: no crash, and an error or a collector that works. */
TEST(forged_files_that_are_not)
{
	size_t len;
	char *body = good_body(&len);
	uint64_t *head = (uint64_t *)(void *)body;
	const uint64_t n_rows = head[0];
	const uint64_t n_sas = head[1];
	static const uint64_t bad[] = {0, 2, 4, 65536, UINT32_MAX, UINT64_MAX};

	ck_assert_uint_eq(n_rows, 3);
	ck_assert_uint_eq(n_sas, 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		head[0] = bad[i];
		ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	}
	head[0] = n_rows;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		head[1] = bad[i];
		ck_assert_int_eq(load_forged(body, len),
				 bad[i] == n_sas ? 0 : -EBADMSG);
	}
	head[1] = n_sas;
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_eq(load_forged(body, cut), -EBADMSG);
	free(body);
}

TEST(forged_bytes_do_no_harm)
{
	size_t len;
	char *body = good_body(&len);
	unsigned state = 3;

	for (int i = 0; i < 1500; i++) {
		char *copy = malloc(len);
		int err;

		memcpy(copy, body, len);
		for (int n = 1 + rand_r(&state) % 6; n > 0; n--)
			copy[(size_t)rand_r(&state) % len] = (char)rand_r(&state);
		err = load_forged(copy, len);
		free(copy);
		ck_assert(err == 0 || err == -EBADMSG);
		if (err == 0) {
			ck_assert_int_eq(collector_poll(collector), 0);
			ck_assert_int_eq(collector_poll(collector), 0);
			ck_assert_int_eq(collector_poll(collector), 0);
		}
	}
	free(body);
}

TEST(names_that_cannot_be)
{
	size_t len;
	char *body = good_body(&len);
	char *name = body + 7 * sizeof(uint64_t);

	ck_assert_str_eq(name, INSTANCE_UNATTRIBUTED);
	memset(name, 'n', 65);
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	memset(name, 0, 65);
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	memcpy(name, "a\nb", 4);
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	free(body);
}

/* The saved rows: where the first one is, what of it is where, and how long it is. */
enum {
	ROW_AT = 7 * sizeof(uint64_t),
	FOUND_AT = 65,
	DESCR_AT = FOUND_AT + 65,
	TRANSPORT_AT = DESCR_AT + 256,
	INITIATOR_AT = TRANSPORT_AT + 33,
	GONE_AT = (INITIATOR_AT + 224 + 7) / 8 * 8,
	TOTALS_AT = GONE_AT + sizeof(uint64_t),
	ROW_SIZE = TOTALS_AT + sizeof(struct ledger_row) + 4 * sizeof(uint64_t),
};

/* What a file with a right checksum says of a row and no collector would. */
TEST(identities_that_cannot_be)
{
	static const struct {
		unsigned row;
		size_t at;
		const char *text;
	} bad[] = {
	    {1, FOUND_AT, "tcp:\1\2"},
	    {1, FOUND_AT, "caf\xc3\xa9"},
	    {1, FOUND_AT, INSTANCE_UNATTRIBUTED},
	    {0, FOUND_AT, "tcp:default"},
	    {1, 0, "b"},
	    {1, 0, INSTANCE_UNATTRIBUTED},
	    {0, 0, "somebody"},
	    {1, DESCR_AT, "a\nb"},
	    {1, TRANSPORT_AT, "0123456789012345678901234567890123"},
	    {1, TRANSPORT_AT, "tcp\x1b[2J"},
	    {1, INITIATOR_AT + 222, "xyz"},
	    {1, INITIATOR_AT, "iqn.caf\xe9"},
	};
	size_t len;
	char *body = good_body(&len);

	ck_assert_str_eq(body + ROW_AT + ROW_SIZE, "a");
	ck_assert_str_eq(body + ROW_AT + 2 * ROW_SIZE, "b");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *copy = malloc(len);

		memcpy(copy, body, len);
		memcpy(copy + ROW_AT + bad[i].row * ROW_SIZE + bad[i].at, bad[i].text,
		       strlen(bad[i].text) + 1);
		ck_assert_msg(load_forged(copy, len) == -EBADMSG, "%zu", i);
		free(copy);
	}
	/* a text's end, and more behind it */
	body[ROW_AT + ROW_SIZE + FOUND_AT + 10] = 'x';
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	free(body);
}

TEST(two_rows_of_one_hba)
{
	size_t len;
	char *body = good_body(&len);

	strcpy(body + ROW_AT + ROW_SIZE + FOUND_AT, "tcp:default");
	ck_assert_int_eq(load_forged(body, len), 0);
	strcpy(body + ROW_AT + 2 * ROW_SIZE + FOUND_AT, "tcp:default");
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	free(body);
}

static uint64_t *number_at(char *body, size_t at)
{
	return (uint64_t *)(void *)(body + at);
}

/* More deletions than additions, a loss yet to come, a time yet to come, a base above
 * what is counted from it. */
TEST(numbers_that_cannot_be)
{
	const size_t totals = ROW_AT + TOTALS_AT;
	const size_t row = totals + sizeof(struct ledger_row);
	const size_t bad[] = {
	    totals + offsetof(struct ledger_row, stats.key_deletions),
	    row + 2 * sizeof(uint64_t),
	    row + 3 * sizeof(uint64_t),
	    4 * sizeof(uint64_t),
	    5 * sizeof(uint64_t),
	    ROW_AT + GONE_AT,
	};
	size_t len;
	char *body = good_body(&len);

	ck_assert_uint_eq(*number_at(body, bad[2]), kernel.now);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t before = *number_at(body, bad[i]);

		*number_at(body, bad[i]) = 1000000;
		ck_assert_msg(load_forged(body, len) == -EBADMSG, "%zu", i);
		*number_at(body, bad[i]) = before;
	}
	ck_assert_int_eq(load_forged(body, len), 0);
	free(body);
}

/* The file ends with the counters of xfrm_stat: a name of 32 bytes, total, last value.
 * The names are ended, printable and all different; and no more than fit. */
TEST(counters_that_cannot_be)
{
	enum { COUNTER = XFRM_STAT_NAME_MAX + 2 * sizeof(uint64_t) };
	static const char *const bad[] = {"", "Xfrm In", "Xfrm\xff", "XfrmInNoStates"};
	size_t len;
	char *body = good_body(&len);
	char *name = body + len - COUNTER;
	uint64_t *n = number_at(body, len - 2 * COUNTER - sizeof(uint64_t));

	ck_assert_str_eq(name, "XfrmInStateProtoError");
	ck_assert_str_eq(name - COUNTER, "XfrmInNoStates");
	ck_assert_uint_eq(*n, 2);
	*n = XFRM_STAT_MAX + 1;
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	*n = 2;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(name, 0, XFRM_STAT_NAME_MAX);
		strcpy(name, bad[i]);
		ck_assert_msg(load_forged(body, len) == -EBADMSG, "%s", bad[i]);
	}
	memset(name, 0, XFRM_STAT_NAME_MAX);
	strcpy(name, "Another");
	ck_assert_int_eq(load_forged(body, len), 0);
	name[XFRM_STAT_NAME_MAX - 1] = 'x';
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	free(body);
}

/* Whatever a file says: once it was taken, what is saved next can be taken again, and
 * is the same. */
TEST(what_was_loaded_can_be_saved_and_loaded)
{
	size_t len;
	char *body = good_body(&len);
	unsigned state = 11;
	unsigned taken = 0;

	for (int i = 0; i < 3000; i++) {
		char *copy = malloc(len);
		size_t len_first, len_second;
		char *first, *second;

		memcpy(copy, body, len);
		copy[(size_t)rand_r(&state) % len] = (char)rand_r(&state);
		if (load_forged(copy, len) == 0) {
			taken++;
			first = good_body(&len_first);
			ck_assert_int_eq(load_forged(first, len_first), 0);
			second = good_body(&len_second);
			ck_assert_uint_eq(len_first, len_second);
			ck_assert_mem_eq(first, second, len_first);
			free(first);
			free(second);
		}
		free(copy);
	}
	ck_assert_uint_gt(taken, 100);
	free(body);
}

TEST(the_old_file_stands_until_the_new_one_is_whole)
{
	char path[200];
	size_t len;
	char *before;
	char *after;
	size_t len_after;

	save();
	before = tree_read(&tree, FILE_NAME, &len);
	tree_text(&tree, FILE_NAME ".new/in-the-way", "");
	sad_has(999, 999);
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_int_lt(state_save(tree.root, "", &ours, collector, true), 0);
	after = tree_read(&tree, FILE_NAME, &len_after);
	ck_assert_uint_eq(len, len_after);
	ck_assert_mem_eq(before, after, len);
	free(after);
	snprintf(path, sizeof(path), "%s/%s.new/in-the-way", tree.root, FILE_NAME);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/%s.new", tree.root, FILE_NAME);
	ck_assert_int_eq(rmdir(path), 0);
	save();
	after = tree_read(&tree, FILE_NAME, &len_after);
	ck_assert_mem_ne(before, after, len);
	ck_assert_uint_eq(tree_count(&tree), 1);
	free(before);
	free(after);
}

TEST(a_new_file_that_cannot_take_its_place)
{
	tree_text(&tree, FILE_NAME "/in-the-way", "");
	ck_assert_int_lt(state_save(tree.root, "", &ours, collector, true), 0);
	ck_assert_uint_eq(tree_count(&tree), 1); /* nothing left beside it */
	ck_assert_int_eq(load(), -EBADMSG);
}

/* Whoever reads it blindly waits for its writer, for ever. */
TEST(a_fifo_in_its_place)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", tree.root, FILE_NAME);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(load(), -EBADMSG);
	save();
	ck_assert_int_eq(load(), 0);
}

TEST(links_are_not_followed)
{
	size_t len;
	char *target;

	tree_text(&tree, "precious", "keep");
	tree_link(&tree, FILE_NAME, "precious");
	ck_assert_int_eq(load(), -EBADMSG);
	tree_link(&tree, FILE_NAME ".new", "precious");
	save();
	target = tree_read(&tree, "precious", &len);
	ck_assert_uint_eq(len, 4);
	free(target);
	ck_assert_uint_eq(tree_count(&tree), 2);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
}

TEST(only_its_owner_may_read_it)
{
	struct stat stat_buf;
	char path[200];

	save();
	snprintf(path, sizeof(path), "%s/%s", tree.root, FILE_NAME);
	ck_assert_int_eq(stat(path, &stat_buf), 0);
	ck_assert_uint_eq(stat_buf.st_mode & 0777, 0600);
}

/* Two saves of the same state are the same file: no stray memory goes to disk. */
TEST(every_byte_is_meant)
{
	size_t len;
	size_t len_again;
	char *first;
	char *again;

	save();
	first = tree_read(&tree, FILE_NAME, &len);
	OPEN("a local 10.0.0.1", "b local 10.0.1.1");
	ck_assert_int_eq(load(), 0);
	save();
	again = tree_read(&tree, FILE_NAME, &len_again);
	ck_assert_uint_eq(len, len_again);
	ck_assert_mem_eq(first, again, len);
	for (size_t i = 0; i + 3 < len; i++)
		ck_assert(memcmp(first + i, "\xa5\xa5\xa5", 3) != 0);
	free(first);
	free(again);
}

TEST(the_id_of_this_boot)
{
	struct state_id first;
	struct state_id again;

	if (state_id_read(&first) < 0)
		return; /* before Linux 5.14 a namespace has no cookie */
	ck_assert_int_eq(state_id_read(&again), 0);
	ck_assert_mem_eq(&first, &again, sizeof(first));
	ck_assert_uint_eq(strlen(first.boot_id), 36);
	ck_assert_uint_ne(first.netns_cookie, 0);
}

TEST(a_file_for_each_namespace)
{
	static const char longest[] =
	    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn";
	struct state_id blue = ours;
	char name[STATE_NAME_MAX + 1];

	blue.netns_cookie++;
	save();
	ck_assert_int_eq(state_save(tree.root, "blue", &blue, collector, 1), 0);
	ck_assert_uint_eq(tree_count(&tree), 2);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	OPEN_PLAIN();
	ck_assert_int_eq(state_load(tree.root, "blue", &ours, collector, &last),
			 -ESTALE);
	ck_assert_int_eq(state_load(tree.root, "red", &blue, collector, &last),
			 -ENOENT);
	ck_assert_int_eq(state_load(tree.root, "blue", &blue, collector, &last), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	state_file_name(name, "blue");
	ck_assert_str_eq(name, "qmipsecd.blue.state");
	state_file_name(name, "");
	ck_assert_str_eq(name, FILE_NAME);
	state_file_name(name, longest);
	ck_assert_uint_eq(strlen(name), strlen("qmipsecd..state") + 64);
	ck_assert_int_eq(state_save(tree.root, longest, &ours, collector, 1), 0);
}

static bool is_blue(void *ctx, const char *file)
{
	++*(unsigned *)ctx;
	return !strcmp(file, "qmipsecd.blue.state");
}

TEST(files_of_namespaces_are_removed)
{
	unsigned asked = 0;

	save();
	ck_assert_int_eq(state_save(tree.root, "blue", &ours, collector, 1), 0);
	ck_assert_int_eq(state_save(tree.root, "red", &ours, collector, 1), 0);
	ck_assert_int_eq(state_save(tree.root, "green", &ours, collector, 1), 0);
	state_remove(tree.root, "green");
	state_remove(tree.root, "none");
	ck_assert_uint_eq(tree_count(&tree), 3);
	tree_text(&tree, "qmipsecd.state.txt", "somebody else's");
	tree_text(&tree, "other.red.state", "somebody else's");
	tree_text(&tree, "qmipsecd.red.state.new", "left over");
	tree_text(&tree, "qmipsecd.state.new", "left over");
	state_remove_unwanted(tree.root, is_blue, &asked);
	ck_assert_uint_eq(asked, 2);
	ck_assert_uint_eq(tree_count(&tree), 4);
	OPEN_PLAIN();
	ck_assert_int_eq(load(), 0);
	OPEN_PLAIN();
	ck_assert_int_eq(state_load(tree.root, "blue", &ours, collector, &last), 0);
	state_remove_unwanted("/nonexistent", is_blue, &asked);
}

/* A namespace that came again under its name counts from a base. */
TEST(bases_of_errors_go_on)
{
	OPEN("a local 10.0.0.1");
	ck_assert_int_eq(collector_poll(collector), 0);
	collector_detach(collector);
	ck_assert_int_eq(collector_attach(collector, &kernel, false), 0);
	kernel.xfrm_stat = "XfrmInNoStates\t1\nXfrmInStateProtoError\t2\n";
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 8);
	save();
	OPEN("a local 10.0.0.1");
	ck_assert_int_eq(load(), 0);
	kernel.xfrm_stat = "XfrmInNoStates\t2\nXfrmInStateProtoError\t4\n";
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_uint_eq(row("a")->stats.bad_spi_packets, 9);
	ck_assert_uint_eq(row("a")->stats.packets_not_decrypted, 14);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files with a valid checksum and contents that no daemon has saved. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "saved.h"

CHAPTER(saved_setup, world_teardown);

TEST(forged_files_that_are_good)
{
	size_t len;
	char *body = good_body(&len);

	ck_assert_int_eq(load_forged(body, len), 0);
	ck_assert_uint_eq(row("a")->stats.confidential_bytes_sent, 200);
	free(body);
}

TEST(bytes_behind_the_last_record)
{
	size_t len;
	char *body = good_body(&len);
	char *longer = calloc(1, len + 1);

	memcpy(longer, body, len);
	ck_assert_int_eq(load_forged(longer, len), 0);
	ck_assert_int_eq(load_forged(longer, len + 1), -EBADMSG);
	free(longer);
	free(body);
}

TEST(files_of_another_build)
{
	size_t len;
	char *body = good_body(&len);

	for (size_t i = 0; i <= STATE_BODY_STRUCTS; i++) {
		struct header header = good_header(len);

		*(i ? &header.sizes[i - 1] : &header.header_size) += 8;
		ck_assert_int_eq(load_forged_by(header, body), -EBADMSG);
	}
	free(body);
}

/* The numbers of a big-endian machine on a little-endian one, or the reverse. */
TEST(a_file_of_the_other_byte_order_is_rejected)
{
	size_t len;
	char *body = good_body(&len);
	struct header header = good_header(len);

	header.version = __builtin_bswap32(header.version);
	ck_assert_int_eq(load_forged_by(header, body), -EBADMSG);
	free(body);
}

/* Random contents with a valid checksum: no crash, and an error or a working
 * collector. */
TEST(forged_files_that_are_not)
{
	size_t len;
	char *body = good_body(&len);
	uint64_t *head = (uint64_t *)(void *)body;
	const uint64_t n_rows = head[0];
	const uint64_t n_peers = head[1];
	const uint64_t n_sas = head[2];
	static const uint64_t bad[] = {0, 2, 4, 65536, UINT32_MAX, UINT64_MAX};

	ck_assert_uint_eq(n_rows, 3);
	ck_assert_uint_eq(n_peers, 2);
	ck_assert_uint_eq(n_sas, 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		head[0] = bad[i];
		ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	}
	head[0] = n_rows;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		head[1] = bad[i];
		ck_assert_int_eq(load_forged(body, len),
				 bad[i] == n_peers ? 0 : -EBADMSG);
	}
	head[1] = n_peers;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		head[2] = bad[i];
		ck_assert_int_eq(load_forged(body, len),
				 bad[i] == n_sas ? 0 : -EBADMSG);
	}
	head[2] = n_sas;
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
			poll_well();
			poll_well();
			poll_well();
		}
	}
	free(body);
}

TEST(names_that_cannot_be)
{
	size_t len;
	char *body = good_body(&len);
	char *name = body + 8 * sizeof(uint64_t);

	ck_assert_str_eq(name, ALL);
	memset(name, 'n', 65);
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	memset(name, 0, 65);
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	memcpy(name, "a\nb", 4);
	ck_assert_int_eq(load_forged(body, len), -EBADMSG);
	free(body);
}

/* The saved rows: the offset of the first one, the offsets in it, and its length. */
enum {
	ROW_AT = 8 * sizeof(uint64_t),
	FOUND_AT = 65,
	DESCR_AT = FOUND_AT + 65,
	TRANSPORT_AT = DESCR_AT + 256,
	INITIATOR_AT = TRANSPORT_AT + 33,
	/* numbers of 64 bits: i386 aligns them to 4 bytes in a struct */
	ALIGNED = _Alignof(struct ledger_account),
	GONE_AT = (INITIATOR_AT + 224 + ALIGNED - 1) / ALIGNED * ALIGNED,
	OTHER_AT = GONE_AT + sizeof(uint64_t),
	ROW_SIZE = OTHER_AT + sizeof(struct ledger_account) + 4 * sizeof(uint64_t),
};

/* Values of a row that no collector saves. */
TEST(identities_that_cannot_be)
{
	static const struct {
		unsigned row;
		size_t at;
		const char *text;
	} bad[] = {
	    {1, FOUND_AT, "tcp:\1\2"},
	    {1, FOUND_AT, "caf\xc3\xa9"},
	    {1, FOUND_AT, ALL},
	    {0, FOUND_AT, "tcp:default"},
	    {1, 0, "b"},
	    {1, 0, ALL},
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
	/* bytes behind the end of a text */
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

/* More deletions than additions, more additions than SAs were saved, a future loss, a
 * future time, a base above its counter. */
TEST(numbers_that_cannot_be)
{
	const size_t other = ROW_AT + OTHER_AT;
	const size_t row = other + sizeof(struct ledger_account);
	const size_t peer = ROW_AT + 3 * ROW_SIZE;
	const size_t bad[] = {
	    other + offsetof(struct ledger_account, totals.stats.key_deletions),
	    other + offsetof(struct ledger_account, totals.stats.key_additions),
	    other + offsetof(struct ledger_account, losses),
	    row + 3 * sizeof(uint64_t),
	    row + 2 * sizeof(uint64_t),
	    5 * sizeof(uint64_t),
	    6 * sizeof(uint64_t),
	    ROW_AT + GONE_AT,
	    peer + offsetof(struct ledger_account, totals.stats.key_deletions),
	    peer + offsetof(struct ledger_account, totals.stats.key_additions),
	    peer + offsetof(struct ledger_account, losses),
	    peer + offsetof(struct ledger_account, last_change),
	    peer + offsetof(struct ledger_account, empty_since),
	    peer + offsetof(struct ledger_account, discontinuity),
	};
	size_t len;
	char *body = good_body(&len);

	ck_assert_uint_eq(*number_at(body, bad[3]), kernel.now);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t before = *number_at(body, bad[i]);

		*number_at(body, bad[i]) = 1000000;
		ck_assert_msg(load_forged(body, len) == -EBADMSG, "%zu", i);
		*number_at(body, bad[i]) = before;
	}
	ck_assert_int_eq(load_forged(body, len), 0);
	free(body);
}

/* Peers that no collector saves: the offset of a byte of the first of two, a value. */
TEST(peers_that_cannot_be)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
	    {offsetof(struct ledger_account, family), 0},
	    {offsetof(struct ledger_account, family), AF_UNIX},
	    {offsetof(struct ledger_account, len), 33},
	    {offsetof(struct ledger_account, len), 24},
	    {offsetof(struct ledger_account, active), 2},
	    {offsetof(struct ledger_account, row), 3},
	    {offsetof(struct ledger_account, row), 2}, /* where the other one is */
	};
	size_t len;
	char *body = good_body(&len);
	char *peer = body + ROW_AT + 3 * ROW_SIZE;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char before = peer[bad[i].at];

		peer[bad[i].at] = (char)bad[i].value;
		ck_assert_msg(load_forged(body, len) == -EBADMSG, "%zu", i);
		peer[bad[i].at] = before;
	}
	ck_assert_int_eq(load_forged(body, len), 0);
	free(body);
}

/* The file ends with the counters of xfrm_stat: a name of 32 bytes, total, last
 * value. Names are terminated, printable and unique, and their number is limited. */
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

/* If a file is accepted, the state that is saved next can be loaded again, and is
 * the same. */
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_dump_expected() is only quicker: two ledgers see the same random life of SAs,
 * one with it and one without, and count the same.
 */
#include <arpa/inet.h>
#include <string.h>

#include "answers.h"
#include "ledger/ledger.h"
#include "messages.h"
#include "runner.h"
#include "sas.h"
#include "util/array.h"

CHAPTER(NULL, NULL);

enum {
	MOST = 40,
	POLLS = 3000,
};

static struct ledger *quick, *slow;
static struct sa live[MOST]; /* in the order of the kernel's dump */
static size_t n_live;
static uint32_t next_spi;
static uint64_t clock_ns;
static unsigned n_expected;
static uint64_t seed;

static unsigned roll(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(seed >> 33) % n;
}

static enum sa_direction direction_of(void *ctx, const struct sa *sa)
{
	(void)ctx;
	return sa->spi % 7 == 0 && !sa->sample.packets ? SA_DIR_UNKNOWN
	       : sa->spi % 2                           ? SA_DIR_OUT
						       : SA_DIR_IN;
}

static unsigned row_of(void *ctx, const struct sa *sa, enum sa_direction direction)
{
	(void)ctx, (void)direction;
	return sa->reqid % 2;
}

static struct ledger *open_ledger(void)
{
	const struct ledger_env env = {NULL, direction_of, row_of};
	struct peer_config peers = peer_config_default;
	struct ledger *ledger = ledger_new(&env, 2);

	ck_assert_ptr_nonnull(ledger);
	ledger_configure_peers(ledger, &peers);
	return ledger;
}

static void tell(enum sa_event_type type, const struct sa *sa)
{
	struct sa_event event = {.type = type};

	if (sa)
		event.sa = *sa;
	ck_assert_int_eq(ledger_event(quick, &event, clock_ns), 0);
	ck_assert_int_eq(ledger_event(slow, &event, clock_ns), 0);
}

static struct sa make_sa(void)
{
	bool six = roll(3) == 0;
	struct sa sa = six ? sa_of("2001:db8::1", "2001:db8::2", ++next_spi)
			   : sa_of("192.0.2.1", "192.0.2.2", ++next_spi);

	if (six)
		sa.daddr.s6_addr[15] = (uint8_t)roll(5);
	sa.keyed = roll(5) > 0;
	sa.reqid = roll(6);
	sa.mark = roll(2);
	sa.add_time = 1700000000 + clock_ns / 1000000000;
	return sa;
}

/* The kernel shows the youngest first. */
static void add(void)
{
	if (n_live == MOST)
		return;
	memmove(live + 1, live, n_live * sizeof(*live));
	live[0] = make_sa();
	n_live++;
	tell(SA_EVENT_NEW, &live[0]);
}

static void end(size_t i, enum sa_event_type type)
{
	struct sa sa = live[i];

	n_live--;
	memmove(live + i, live + i + 1, (n_live - i) * sizeof(*live));
	tell(type, &sa);
}

static void carry(struct sa *sa)
{
	if (!sa->keyed)
		return;
	sa->sample.packets += 1 + roll(3);
	sa->sample.bytes += roll(2000);
	sa->sample.replay += roll(2);
	sa->replay_protected = roll(10) > 0;
}

static void flush(void)
{
	tell(SA_EVENT_FLUSH, NULL);
	n_live = 0;
}

/* What NEWAE does. */
static void set_back(struct sa *sa)
{
	sa->add_time += roll(3);
	sa->sample.bytes /= 2;
}

static void happen(void)
{
	unsigned what = roll(40);

	if (what < 12 || !n_live)
		add();
	else if (what < 30)
		carry(&live[roll((unsigned)n_live)]);
	else if (what < 36)
		end(roll((unsigned)n_live), SA_EVENT_DELETE);
	else if (what < 38)
		end(roll((unsigned)n_live), SA_EVENT_EXPIRE_HARD);
	else if (what < 39)
		set_back(&live[roll((unsigned)n_live)]);
	else if (roll(10) == 0)
		flush();
}

static void dump(void)
{
	size_t shown = roll(20) ? n_live : roll((unsigned)n_live + 1);

	ledger_dump_begin(quick);
	ledger_dump_begin(slow);
	for (size_t i = 0; i < shown; i++) {
		bool taken = ledger_dump_expected(quick, answer_of(&live[i]));

		n_expected += taken;
		if (!taken)
			ck_assert_int_eq(ledger_dump_sa(quick, &live[i]), 0);
		ck_assert_int_eq(ledger_dump_sa(slow, &live[i]), 0);
	}
	for (unsigned i = roll(4); i > 1; i--)
		happen(); /* its event comes before the end of the dump */
	if (shown == n_live || roll(3)) {
		ck_assert_int_eq(ledger_dump_end(quick, clock_ns), 0);
		ck_assert_int_eq(ledger_dump_end(slow, clock_ns), 0);
	} else {
		ledger_dump_abort(quick, clock_ns);
		ledger_dump_abort(slow, clock_ns);
	}
}

static void compare(void)
{
	const struct ledger_counts a = ledger_counts(quick);
	const struct ledger_counts b = ledger_counts(slow);

	ck_assert(!memcmp(&a, &b, sizeof(a)));
	for (unsigned row = 0; row < 2; row++)
		ck_assert(!memcmp(ledger_row(quick, row), ledger_row(slow, row),
				  sizeof(struct totals)));
	ck_assert_int_eq(ledger_wants_dump(quick), ledger_wants_dump(slow));
}

TEST(the_quick_way_counts_the_same)
{
	seed = 1;
	quick = open_ledger();
	slow = open_ledger();
	for (unsigned i = 0; i < POLLS; i++) {
		clock_ns += UINT64_C(100000000) * (1 + roll(20));
		for (unsigned n = roll(6); n > 0; n--)
			happen();
		dump();
		compare();
	}
	/* and it is the usual way */
	ck_assert_uint_gt(n_expected, POLLS);
	ledger_free(quick);
	ledger_free(slow);
}

/* True if this is taken for the SA that two dumps have shown. */
static bool is_taken(const struct sa *known, const struct sa *shown)
{
	struct ledger *ledger = open_ledger();
	bool taken;

	for (int i = 0; i < 2; i++) {
		ledger_dump_begin(ledger);
		ck_assert_int_eq(ledger_dump_sa(ledger, known), 0);
		ck_assert_int_eq(ledger_dump_end(ledger, clock_ns), 0);
	}
	ledger_dump_begin(ledger);
	taken = ledger_dump_expected(ledger, answer_of(shown));
	ledger_free(ledger);
	return taken;
}

static void only_itself_is_taken(struct sa known)
{
	struct sa others[14];

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = known;
	others[0].spi++;
	others[1].acquire = !known.acquire;
	others[2].proto = known.proto == IPPROTO_ESP ? IPPROTO_AH : IPPROTO_ESP;
	others[3].mode++;
	others[4].family = known.family == AF_INET ? AF_INET6 : AF_INET;
	others[5].saddr.s6_addr[3]++;
	others[6].daddr.s6_addr[0]++;
	others[7].reqid++;
	others[8].if_id++;
	others[9].mark++;
	others[10].mark_mask++;
	others[11].keyed = !known.keyed;
	others[12].add_time++;
	others[13].sample.packets--;
	ck_assert(is_taken(&known, &known));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_msg(is_taken(&known, &others[i]) == (!known.keyed && i > 11),
			      "%zu", i);
	for (size_t i = 0; known.family == AF_INET6 && i < 16; i++) {
		struct sa other = known;

		other.saddr.s6_addr[i]++;
		ck_assert(!is_taken(&known, &other));
		other = known;
		other.daddr.s6_addr[i]++;
		ck_assert(!is_taken(&known, &other));
	}
}

/* Of an SA that is not keyed, add_time and counters do not matter. */
TEST(only_the_sa_itself_is_taken)
{
	struct sa sas[] = {sa_of("192.0.2.1", "192.0.2.2", 7),
			   sa_of("2001:db8::1", "2001:db8::2", 9)};

	for (int keyed = 0; keyed <= 1; keyed++)
		for (size_t i = 0; i < ARRAY_SIZE(sas); i++) {
			sas[i].keyed = keyed;
			sas[i].sample = (struct sa_sample){.bytes = 5, .packets = 5};
			only_itself_is_taken(sas[i]);
		}
}

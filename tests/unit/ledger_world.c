/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

#include <linux/xfrm.h>
#include <string.h>

#include "answers.h"

struct ledger *ledger;
bool blind;
bool ownerless;
uint64_t now;
uint64_t poll_interval;

const uint64_t made_up[MADE_UP] = {0, T0 - 1, T0, T0 + 1, T0 + 1000000};

const char *const roads[ROADS][2] = {
    {"10.0.0.2", "192.0.2.1"},        /* the local end moves: the key stays the same */
    {"10.0.0.1", "192.0.2.2"},        /* the peer's end moves */
    {"10.0.0.2", "192.0.2.2"},        /* both move */
    {"2001:db8::1", "2001:db8:1::1"}, /* another family */
};

static bool is_local(const struct sa *sa, const struct in6_addr *addr)
{
	static const uint8_t ours4[] = {10, 0};
	static const uint8_t ours6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0};

	if (sa->family == AF_INET)
		return !memcmp(addr, ours4, sizeof(ours4));
	return !memcmp(addr, ours6, sizeof(ours6));
}

static enum sa_direction direction(void *ctx, const struct sa *sa)
{
	(void)ctx;
	if (sa->declared)
		return sa->declared;
	if (!blind && is_local(sa, &sa->daddr))
		return SA_DIR_IN;
	if (!blind && is_local(sa, &sa->saddr))
		return SA_DIR_OUT;
	return sa->sequence;
}

static unsigned row_number(void *ctx, const struct sa *sa, enum sa_direction way)
{
	(void)ctx;
	(void)way;
	return ownerless || sa->reqid / 100 >= ROWS ? 0 : sa->reqid / 100;
}

const struct ledger_env ledger_world = {NULL, direction, row_number};

void ledger_setup(void)
{
	blind = ownerless = false;
	now = UINT64_C(1000000000);
	poll_interval = LEDGER_MOVE_NS;
	ledger = ledger_new(&ledger_world, ROWS);
	ck_assert_ptr_nonnull(ledger);
}

void ledger_teardown(void)
{
	ledger_free(ledger);
}

void ledger_again(void)
{
	ledger_teardown();
	ledger_setup();
}

struct sa out_sa(uint32_t spi)
{
	return sa_of("10.0.0.1", "192.0.2.1", spi);
}

struct sa younger_out(uint32_t spi)
{
	struct sa sa = out_sa(spi);

	sa.add_time += 60;
	return sa;
}

struct sa in_sa(uint32_t spi)
{
	return sa_of("192.0.2.1", "10.0.0.1", spi);
}

struct sa larval(struct sa sa)
{
	sa.keyed = false;
	return sa;
}

struct sa acquire(uint32_t seq)
{
	struct sa sa = larval(out_sa(seq));

	sa.acquire = true;
	return sa;
}

struct sa with_traffic(struct sa sa, uint64_t bytes, uint64_t packets)
{
	sa.sample.bytes = bytes;
	sa.sample.packets = packets;
	return sa;
}

struct sa moved(struct sa sa, const char *saddr, const char *daddr)
{
	sa.saddr = addr_of(saddr);
	sa.daddr = addr_of(daddr);
	sa.family = family_of(saddr);
	return sa;
}

struct sa published(struct sa sa, uint64_t add_time, uint64_t bytes)
{
	sa.add_time = add_time;
	return with_traffic(sa, bytes, bytes / 100);
}

static void deliver(struct sa_event message)
{
	ck_assert_int_eq(ledger_event(ledger, &message, now), 0);
}

void event(enum sa_event_type type, struct sa sa)
{
	deliver((struct sa_event){.type = type, .sa = sa});
}

void event_without_sa(enum sa_event_type type)
{
	deliver((struct sa_event){.type = type});
}

void flush_of(uint8_t proto)
{
	deliver((struct sa_event){.type = SA_EVENT_FLUSH, .proto = proto});
}

void hard_expire(struct sa sa)
{
	event(SA_EVENT_EXPIRE_HARD, larval(sa));
}

struct sa move(struct sa sa, const char *saddr, const char *daddr)
{
	struct sa to = moved(sa, saddr, daddr);

	event(SA_EVENT_DELETE, sa);
	event(SA_EVENT_NEW, to);
	return to;
}

void begin(void)
{
	now += poll_interval;
	ledger_dump_begin(ledger);
}

void show(struct sa sa)
{
	if (!ledger_dump_expected(ledger, answer_of(&sa)))
		ck_assert_int_eq(ledger_dump_sa(ledger, &sa), 0);
}

void cut_short(void)
{
	ledger_dump_abort(ledger, now);
}

void finish(void)
{
	ck_assert_int_eq(ledger_dump_end(ledger, now), 0);
}

void poll_of(const struct sa *sas, size_t n)
{
	begin();
	for (size_t i = 0; i < n; i++)
		show(sas[i]);
	finish();
}

const struct totals *totals(unsigned row)
{
	return ledger_row(ledger, row);
}

void counts_are(uint32_t keyed, uint32_t larvals, uint32_t other)
{
	const struct ledger_counts counts = ledger_counts(ledger);

	ck_assert_uint_eq(counts.keyed, keyed);
	ck_assert_uint_eq(counts.larval, larvals);
	ck_assert_uint_eq(counts.other, other);
}

void losses_are(uint64_t losses)
{
	ck_assert_uint_eq(totals(0)->losses, losses);
}

void life_is(uint64_t active, uint64_t additions, uint64_t deletions)
{
	IS(active_sa, active);
	IS(key_additions, additions);
	IS(key_deletions, deletions);
}

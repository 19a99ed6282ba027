/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/ledger.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

/* The life of an SA, trap by trap: KERNEL section 3, DESIGN section 5. */

enum {
	ROWS = 4,
	T0 = 1700000000,
};

static struct ledger *ledger;
static bool blind;     /* no local addresses are known: only hints tell a direction */
static bool ownerless; /* no instances yet: all is row 0's */
static uint64_t now;
static uint64_t poll_interval; /* a deletion before a poll is not departing in it */

/* 10.0.0.0/16 and 2001:db8::/48 are ours. */
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

/* reqid 100 to 199 is row 1's, and so on. */
static unsigned row_number(void *ctx, const struct sa *sa, enum sa_direction way)
{
	(void)ctx;
	(void)way;
	return ownerless || sa->reqid / 100 >= ROWS ? 0 : sa->reqid / 100;
}

static const struct ledger_env env = {NULL, direction, row_number};

static void setup(void)
{
	blind = ownerless = false;
	now = UINT64_C(1000000000);
	poll_interval = LEDGER_MOVE_NS;
	ledger = ledger_new(&env, ROWS);
	ck_assert_ptr_nonnull(ledger);
}

static void teardown(void)
{
	ledger_free(ledger);
}

/* SAs. */

static struct sa sa_between(const char *saddr, const char *daddr, uint32_t spi)
{
	return (struct sa){
	    .saddr = addr_of(saddr),
	    .daddr = addr_of(daddr),
	    .family = family_of(saddr),
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .keyed = true,
	    .spi = spi,
	    .reqid = 1,
	    .add_time = T0,
	};
}

static struct sa out_sa(uint32_t spi)
{
	return sa_between("10.0.0.1", "192.0.2.1", spi);
}

static struct sa in_sa(uint32_t spi)
{
	return sa_between("192.0.2.1", "10.0.0.1", spi);
}

static struct sa larval(struct sa sa)
{
	sa.keyed = false;
	return sa;
}

static struct sa acquire(uint32_t seq)
{
	struct sa sa = larval(out_sa(seq));

	sa.acquire = true;
	return sa;
}

static struct sa with_traffic(struct sa sa, uint64_t bytes, uint64_t packets)
{
	sa.bytes = bytes;
	sa.packets = packets;
	return sa;
}

static struct sa moved(struct sa sa, const char *saddr, const char *daddr)
{
	sa.saddr = addr_of(saddr);
	sa.daddr = addr_of(daddr);
	sa.family = family_of(saddr);
	return sa;
}

/* Where an SA may move from out_sa(). */
static const char *const roads[][2] = {
    {"10.0.0.2", "192.0.2.1"},        /* our end moved: the key stays */
    {"10.0.0.1", "192.0.2.2"},        /* the peer's end moved */
    {"10.0.0.2", "192.0.2.2"},        /* both */
    {"2001:db8::1", "2001:db8:1::1"}, /* another family */
};

enum { ROADS = sizeof(roads) / sizeof(*roads) };

/* Messages. */

static void event(enum sa_event_type type, struct sa sa)
{
	const struct sa_event message = {.type = type, .sa = sa};

	ck_assert_int_eq(ledger_event(ledger, &message, now), 0);
}

static void event_without_sa(enum sa_event_type type)
{
	event(type, (struct sa){.family = 0});
}

/* As sa_event_parse() gives it: an EXPIRE names no algorithms. */
static void hard_expire(struct sa sa)
{
	event(SA_EVENT_EXPIRE_HARD, larval(sa));
}

static void show(struct sa sa)
{
	ck_assert_int_eq(ledger_dump_sa(ledger, &sa), 0);
}

static void begin(void)
{
	now += poll_interval;
	ledger_dump_begin(ledger);
}

static void cut_short(void)
{
	ledger_dump_abort(ledger, now);
}

static void finish(void)
{
	ck_assert_int_eq(ledger_dump_end(ledger, now), 0);
}

static void poll_of(const struct sa *sas, size_t n)
{
	begin();
	for (size_t i = 0; i < n; i++)
		show(sas[i]);
	finish();
}

/* A whole poll that shows these SAs. */
#define POLL(...)                                 \
	poll_of((const struct sa[]){__VA_ARGS__}, \
		sizeof((const struct sa[]){__VA_ARGS__}) / sizeof(struct sa))
#define POLL_NONE() poll_of(NULL, 0)

/* Totals. */

static const struct ledger_row *totals(unsigned row)
{
	return ledger_row(ledger, row);
}

/* stats of row 0 */
#define IS(member, value) ck_assert_uint_eq(totals(0)->stats.member, (uint64_t)(value))

static void counts_are(uint32_t keyed, uint32_t larvals, uint32_t other)
{
	const struct ledger_counts counts = ledger_counts(ledger);

	ck_assert_uint_eq(counts.keyed, keyed);
	ck_assert_uint_eq(counts.larval, larvals);
	ck_assert_uint_eq(counts.other, other);
}

/* active, additions, deletions */
static void life_is(uint64_t active, uint64_t additions, uint64_t deletions)
{
	IS(active_sa, active);
	IS(key_additions, additions);
	IS(key_deletions, deletions);
}

/* Coming. */

CHAPTER(setup, teardown);

TEST(new_by_event)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	life_is(1, 1, 0);
	POLL(with_traffic(out_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	IS(tunnel_bytes_sent, 500);
	counts_are(1, 0, 0);
	POLL(with_traffic(out_sa(1), 700, 7));
	IS(confidential_bytes_sent, 700);
	IS(confidential_bytes_received, 0);
}

/* What it has carried since it began is counted too. */
TEST(new_by_the_first_dump)
{
	POLL(with_traffic(in_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 500);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(new_by_a_later_dump)
{
	POLL_NONE();
	POLL(with_traffic(in_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 500);
	counts_are(1, 0, 0);
	POLL(with_traffic(in_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 600);
}

TEST(dump_before_its_event)
{
	POLL_NONE();
	begin();
	show(with_traffic(in_sa(1), 500, 5));
	event(SA_EVENT_NEW, in_sa(1));
	finish();
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 500);
	counts_are(1, 0, 0);
}

TEST(the_same_event_twice)
{
	POLL_NONE();
	event(SA_EVENT_NEW, in_sa(1));
	event(SA_EVENT_NEW, in_sa(1));
	POLL(in_sa(1));
	life_is(1, 1, 0);
	counts_are(1, 0, 0);
}

TEST(columns_of_bytes)
{
	static const struct {
		uint8_t proto, mode;
		bool in;
		size_t first, second;
	} cases[] = {
#define AT(member) offsetof(struct stats, member)
	    {IPPROTO_ESP, XFRM_MODE_TUNNEL, false, AT(confidential_bytes_sent),
	     AT(tunnel_bytes_sent)},
	    {IPPROTO_ESP, XFRM_MODE_TUNNEL, true, AT(confidential_bytes_received),
	     AT(tunnel_bytes_received)},
	    {IPPROTO_ESP, XFRM_MODE_TRANSPORT, false, AT(confidential_bytes_sent),
	     AT(transport_bytes_sent)},
	    {IPPROTO_ESP, XFRM_MODE_BEET, true, AT(confidential_bytes_received),
	     AT(transport_bytes_received)},
	    {IPPROTO_ESP, 5, true, AT(confidential_bytes_received),
	     AT(tunnel_bytes_received)}, /* IPTFS */
	    {IPPROTO_AH, XFRM_MODE_TUNNEL, false, AT(authenticated_bytes_sent),
	     AT(tunnel_bytes_sent)},
	    {IPPROTO_AH, XFRM_MODE_TRANSPORT, true, AT(authenticated_bytes_received),
	     AT(transport_bytes_received)},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sa sa = cases[i].in ? in_sa(1) : out_sa(1);

		teardown();
		setup();
		sa.proto = cases[i].proto;
		sa.mode = cases[i].mode;
		POLL(with_traffic(sa, 100, 1));
		for (size_t j = 0; j < STAT_COUNT; j++) {
			const struct stat_column *column = &stat_columns[j];
			bool one = column->offset == cases[i].first ||
				   column->offset == cases[i].second;

			if (column->id >= STAT_ID_confidential_bytes_sent)
				ck_assert_uint_eq(stats_get(&totals(0)->stats, column),
						  one ? 100 : 0);
		}
	}
}

/* Larval SAs. */

TEST(updsa_over_an_unknown_larval)
{
	POLL_NONE();
	event(SA_EVENT_UPDATE, in_sa(1));
	life_is(1, 1, 0);
	POLL(with_traffic(in_sa(1), 100, 1));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 100);
	IS(pending_key_operations, 0);
}

TEST(updsa_over_a_known_larval)
{
	struct sa keyed = in_sa(1);

	POLL_NONE();
	POLL(larval(in_sa(1)));
	life_is(0, 0, 0);
	IS(pending_key_operations, 1);
	counts_are(0, 1, 0);
	keyed.add_time++;
	event(SA_EVENT_UPDATE, keyed);
	IS(pending_key_operations, 0);
	counts_are(1, 0, 0);
	POLL(with_traffic(keyed, 100, 1));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 100);
}

TEST(updsa_over_a_larval_of_the_same_second)
{
	POLL_NONE();
	POLL(larval(in_sa(1)));
	event(SA_EVENT_UPDATE, in_sa(1));
	POLL(with_traffic(in_sa(1), 100, 1));
	life_is(1, 1, 0);
	IS(pending_key_operations, 0);
	IS(confidential_bytes_received, 100);
	counts_are(1, 0, 0);
}

TEST(dump_shows_a_larval_keyed)
{
	struct sa keyed = with_traffic(in_sa(1), 50, 1);

	POLL_NONE();
	POLL(larval(in_sa(1)));
	keyed.add_time++;
	POLL(keyed);
	life_is(1, 1, 0);
	IS(pending_key_operations, 0);
	IS(confidential_bytes_received, 50);
}

TEST(larval_that_times_out)
{
	POLL_NONE();
	POLL(larval(in_sa(1)));
	hard_expire(larval(in_sa(1)));
	life_is(0, 0, 0);
	IS(pending_key_operations, 0);
	counts_are(0, 0, 0);
	hard_expire(larval(in_sa(2))); /* of one that no dump ever showed */
	POLL_NONE();
	life_is(0, 0, 0);
	IS(pending_key_operations, 0);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(larval_that_is_deleted)
{
	POLL_NONE();
	POLL(larval(in_sa(1)));
	event(SA_EVENT_DELETE, larval(in_sa(1)));
	event(SA_EVENT_DELETE, larval(in_sa(2)));
	POLL_NONE();
	life_is(0, 0, 0);
	IS(pending_key_operations, 0);
	counts_are(0, 0, 0);
}

TEST(larval_that_vanishes)
{
	POLL(larval(in_sa(1)), acquire(7));
	POLL_NONE();
	IS(pending_key_operations, 0);
	counts_are(0, 0, 0);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(acquire_and_larval_of_one_negotiation)
{
	POLL(acquire(7));
	IS(pending_key_operations, 1);
	POLL(larval(in_sa(1)), acquire(7));
	IS(pending_key_operations, 1);
	counts_are(0, 2, 0);
	POLL(larval(in_sa(1)));
	IS(pending_key_operations, 1);
	POLL_NONE();
	IS(pending_key_operations, 0);
}

TEST(two_acquires)
{
	struct sa other = acquire(8);

	POLL(acquire(7), other);
	IS(pending_key_operations, 2);
	POLL(acquire(7), other, larval(in_sa(1)));
	IS(pending_key_operations, 2);
	POLL(acquire(7), larval(in_sa(1)), larval(in_sa(2)), larval(in_sa(3)));
	IS(pending_key_operations, 3);
	POLL_NONE();
	IS(pending_key_operations, 0);
}

TEST(negotiations_of_others_are_apart)
{
	struct sa peer = larval(sa_between("192.0.2.2", "10.0.0.1", 1));
	struct sa reqid = larval(in_sa(2));
	struct sa ah = larval(in_sa(3));

	reqid.reqid = 2;
	ah.proto = IPPROTO_AH;
	POLL(acquire(7), peer, reqid, ah);
	IS(pending_key_operations, 4);
}

/* strongSwan as the initiator: ACQ, ALLOCSPI, UPDSA in, NEWSA out. */
TEST(whole_negotiation)
{
	POLL_NONE();
	POLL(acquire(7));
	POLL(larval(in_sa(1)), acquire(7));
	event(SA_EVENT_UPDATE, in_sa(1));
	event(SA_EVENT_NEW, out_sa(2));
	POLL(with_traffic(out_sa(2), 20, 1), with_traffic(in_sa(1), 10, 1));
	life_is(2, 2, 0);
	IS(pending_key_operations, 0);
	IS(confidential_bytes_sent, 20);
	IS(confidential_bytes_received, 10);
	counts_are(2, 0, 0);
}

/* UPDSA of a keyed SA shows zero bytes and the time of the update. */

TEST(updsa_of_a_keyed_sa_says_nothing)
{
	struct sa update = out_sa(1);

	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_UPDATE, update); /* within the second of its birth */
	update.add_time += 100;
	event(SA_EVENT_UPDATE, update);
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 650, 7));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

TEST(updsa_of_a_keyed_sa_during_its_first_dump)
{
	struct sa update = out_sa(1);

	POLL_NONE();
	update.add_time += 100;
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_UPDATE, update);
	finish();
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
}

/* Going. */

TEST(delsa_is_exact)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 777, 7));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 777);
	IS(rekeys, 0);
	counts_are(0, 0, 0);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(hard_expire_is_exact)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	hard_expire(with_traffic(out_sa(1), 777, 7));
	life_is(0, 1, 1);
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 777);
	counts_are(0, 0, 0);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(hard_expire_of_one_without_traffic)
{
	POLL(out_sa(1));
	hard_expire(out_sa(1));
	POLL_NONE();
	life_is(0, 1, 1);
}

TEST(soft_expire_is_nothing)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_EXPIRE_SOFT, larval(with_traffic(out_sa(1), 600, 6)));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
	event(SA_EVENT_POLICY, out_sa(1));
	event(SA_EVENT_OTHER, out_sa(1));
	POLL(with_traffic(out_sa(1), 700, 7));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(flush)
{
	POLL(with_traffic(out_sa(1), 500, 5), with_traffic(in_sa(2), 300, 3),
	     larval(in_sa(3)));
	event_without_sa(SA_EVENT_FLUSH);
	ck_assert(ledger_wants_dump(ledger));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 500);
	IS(confidential_bytes_received, 300);
	IS(pending_key_operations, 0);
	IS(active_tunnels, 0);
	counts_are(0, 0, 0);
	ck_assert_uint_eq(totals(0)->losses, 2);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(flush_and_new_ones)
{
	struct sa again = out_sa(1);

	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	again.add_time += 2;
	event(SA_EVENT_NEW, again);
	event(SA_EVENT_NEW, out_sa(2));
	POLL(with_traffic(out_sa(2), 10, 1), with_traffic(again, 20, 2));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 530);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* The SA had been shown before the flush came: the next dump tells. */
TEST(flush_during_the_dump)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	event_without_sa(SA_EVENT_FLUSH);
	finish();
	ck_assert(ledger_wants_dump(ledger));
	IS(confidential_bytes_sent, 600);
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(flush_then_a_dump_that_is_cut_short)
{
	POLL(out_sa(1));
	event_without_sa(SA_EVENT_FLUSH);
	begin();
	cut_short();
	ck_assert(ledger_wants_dump(ledger));
	POLL_NONE();
	life_is(0, 1, 1);
}

static void flush_of(uint8_t proto)
{
	const struct sa_event message = {.type = SA_EVENT_FLUSH, .proto = proto};

	ck_assert_int_eq(ledger_event(ledger, &message, now), 0);
}

/* The others are missing for another reason, which the next dump may tell. */
TEST(flush_of_one_protocol)
{
	struct sa ah = out_sa(2);

	ah.proto = IPPROTO_AH;
	POLL(out_sa(1), ah);
	flush_of(IPPROTO_ESP);
	POLL_NONE();
	life_is(1, 2, 1);
	ck_assert(ledger_wants_dump(ledger));
	event(SA_EVENT_DELETE, with_traffic(ah, 100, 1));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(authenticated_bytes_sent, 100);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* What a dump shows after a flush was born after it, be it in the same second: it is
 * another SA, and its absence later proves nothing. */
TEST(flush_does_not_outlive_the_dump_that_shows_the_sa)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	POLL(with_traffic(out_sa(1), 100, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 600);
	POLL_NONE();
	life_is(1, 2, 1);
	POLL(with_traffic(out_sa(1), 200, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 700);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* The dump shows the new SA before its NEWSA is read. */
TEST(flushed_and_made_again_in_the_same_second)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	begin();
	show(with_traffic(out_sa(1), 700, 7));
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
	IS(rekeys, 0);
	POLL(with_traffic(out_sa(1), 800, 8));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 900, 9));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 1400);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* Nor is FLUSHSA read: which of the two the dump has shown nobody can tell, so what it
 * shows counts when the next dump shows it again. */
TEST(flushed_and_made_again_during_the_dump)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 700, 7));
	event_without_sa(SA_EVENT_FLUSH);
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 500);
	POLL(with_traffic(out_sa(1), 800, 8));
	IS(confidential_bytes_sent, 1300);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* The last message is the first that names what the dump found: that is no flush's. */
TEST(found_after_a_flush_that_is_heard_of_later)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(2), 70, 1));
	event_without_sa(SA_EVENT_FLUSH);
	finish();
	event(SA_EVENT_NEW, out_sa(2));
	POLL(with_traffic(out_sa(2), 80, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 580);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* Between other ends: no move, since nothing moves that is gone. */
TEST(flushed_and_made_again_elsewhere)
{
	struct sa elsewhere = with_traffic(out_sa(1), 700, 7);

	elsewhere.daddr = addr_of("192.0.2.77");
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	POLL(elsewhere);
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* UPDSA over a larval SA that nobody has seen. */
TEST(flushed_and_negotiated_again)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event_without_sa(SA_EVENT_FLUSH);
	event(SA_EVENT_UPDATE, out_sa(1));
	POLL(with_traffic(out_sa(1), 700, 7));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* All went at once, so none was replaced by another. */
TEST(flush_is_no_rekey)
{
	struct sa young = out_sa(2);

	POLL_NONE();
	young.add_time++;
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, young);
	POLL(young, out_sa(1));
	event_without_sa(SA_EVENT_FLUSH);
	POLL_NONE();
	life_is(0, 2, 2);
	IS(rekeys, 0);
}

TEST(missing_from_one_dump)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL_NONE();
	life_is(1, 1, 0);
	ck_assert(ledger_wants_dump(ledger));
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	ck_assert(!ledger_wants_dump(ledger));
	POLL_NONE(); /* the first absence is forgotten */
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(missing_from_two_dumps)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 500);
	ck_assert_uint_eq(totals(0)->losses, 1);
	ck_assert(!ledger_wants_dump(ledger));
	counts_are(0, 0, 0);
}

TEST(delsa_after_the_dump_that_misses_it)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(0)->losses, 0);

	POLL(with_traffic(out_sa(2), 50, 5));
	POLL_NONE();
	event(SA_EVENT_DELETE, with_traffic(out_sa(2), 60, 6));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

/* It was given up already: its last bytes still count, its deletion only once. */
TEST(delsa_after_it_was_given_up)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL_NONE();
	POLL_NONE();
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
}

TEST(delsa_during_the_dump_that_showed_it)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 650, 7));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

TEST(newsa_and_delsa_during_the_dump_that_showed_it)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 650, 7));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

TEST(expire_during_the_dump_that_showed_it)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	hard_expire(with_traffic(out_sa(1), 650, 7));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 650);
}

/* Its NEWSA was lost, its DELSA tells all. */
TEST(wholly_inside_a_gap)
{
	POLL_NONE();
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
	hard_expire(with_traffic(in_sa(2), 70, 7));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_received, 70);
	counts_are(0, 0, 0);
}

TEST(everything_between_two_polls)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
}

/* The same name again. */

TEST(same_spi_later)
{
	struct sa again = out_sa(1);

	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	again.add_time += 10;
	event(SA_EVENT_NEW, again);
	POLL(with_traffic(again, 50, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 650);
	event(SA_EVENT_DELETE, with_traffic(again, 60, 2));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
}

TEST(same_spi_in_the_same_second)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 50, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 650);
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 60, 2));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
}

TEST(same_spi_in_the_same_second_without_traffic)
{
	POLL_NONE();
	for (int i = 0; i < 3; i++) {
		event(SA_EVENT_NEW, out_sa(1));
		event(SA_EVENT_DELETE, out_sa(1));
	}
	POLL_NONE();
	life_is(0, 3, 3);
}

/* One SPI for both ways, as hand-made setups have it; made twice in one second. */
TEST(same_spi_both_ways_is_no_move)
{
	for (int known = 0; known < 2; known++) {
		teardown();
		setup();
		blind = !known;
		POLL_NONE();
		event(SA_EVENT_NEW, out_sa(1));
		event(SA_EVENT_NEW, in_sa(1));
		event(SA_EVENT_DELETE, out_sa(1));
		event(SA_EVENT_DELETE, in_sa(1));
		event(SA_EVENT_NEW, out_sa(1));
		event(SA_EVENT_NEW, in_sa(1));
		POLL(in_sa(1), out_sa(1));
		life_is(2, 4, 2);
	}
}

/* The NEWSA of the second is still on its way when the dump shows it. */
TEST(same_spi_in_the_same_second_seen_early)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 50, 1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	POLL(with_traffic(out_sa(1), 70, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 670);
}

/* The same second and more bytes than the first: still not one byte twice. */
TEST(same_spi_in_the_same_second_seen_early_and_busy)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 500, 5));
	begin();
	show(with_traffic(out_sa(1), 900, 9));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, out_sa(1));
	finish();
	POLL(with_traffic(out_sa(1), 1000, 10));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1600);
}

/* Errors too: the old one's last, and all of the new one's. */
TEST(same_spi_in_the_same_second_seen_early_with_errors)
{
	struct sa old = with_traffic(in_sa(1), 500, 5);
	struct sa young = with_traffic(in_sa(1), 900, 9);

	old.integrity_failed = old.replay_window = 1;
	old.replay = 2;
	POLL_NONE();
	event(SA_EVENT_NEW, in_sa(1));
	POLL(old);
	begin();
	young.integrity_failed = 7;
	young.replay = 9;
	young.replay_window = 2;
	show(young);
	old = with_traffic(old, 600, 6);
	old.replay = 4;
	event(SA_EVENT_DELETE, old);
	event(SA_EVENT_NEW, in_sa(1));
	finish();
	young = with_traffic(young, 1000, 10);
	young.integrity_failed = 8;
	young.replay = 10;
	young.replay_window = 3;
	POLL(young);
	IS(confidential_bytes_received, 1600);
	IS(packets_not_authenticated, 1 + 8);
	ck_assert_uint_eq(totals(0)->replay_failures, 5 + 13);
}

TEST(same_spi_in_the_same_second_whose_newsa_was_lost)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 60, 1));
	POLL_NONE();
	life_is(0, 2, 2);
	IS(confidential_bytes_sent, 660);
	event(SA_EVENT_NEW, out_sa(2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(2), 600, 6));
	POLL(with_traffic(out_sa(2), 50, 1));
	life_is(1, 4, 3);
	IS(confidential_bytes_sent, 660 + 650);
}

/* Other ends and nothing preloaded, though the one that left had carried something. */
TEST(same_spi_in_the_same_second_elsewhere)
{
	const struct sa other = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	event(SA_EVENT_NEW, other);
	POLL(with_traffic(other, 50, 1));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 650);
}

/* One SPI for both ways: neither is where the other went. */
TEST(same_spi_both_ways_and_events_lost)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL(with_traffic(in_sa(1), 600, 6));
	life_is(2, 2, 0);
	POLL(with_traffic(in_sa(1), 600, 6));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 500);
	IS(confidential_bytes_received, 600);
}

TEST(same_spi_under_two_marks)
{
	struct sa a = out_sa(1);
	struct sa b = out_sa(1);
	struct sa c = out_sa(1);

	a.mark = 1;
	b.mark = 2;
	a.mark_mask = b.mark_mask = UINT32_MAX;
	c.mark = 1;
	c.mark_mask = 0xff;
	POLL_NONE();
	event(SA_EVENT_NEW, a);
	event(SA_EVENT_NEW, b);
	event(SA_EVENT_NEW, c);
	POLL(with_traffic(c, 1, 1), with_traffic(b, 20, 1), with_traffic(a, 300, 1));
	life_is(3, 3, 0);
	IS(confidential_bytes_sent, 321);
	event(SA_EVENT_DELETE, with_traffic(b, 30, 1));
	POLL(with_traffic(c, 2, 1), with_traffic(a, 400, 1));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 432);
}

TEST(same_spi_of_other_protocol_and_family)
{
	struct sa ah = out_sa(1);
	struct sa six = sa_between("a00:1::", "c000:201::", 1); /* the same bytes */

	ah.proto = IPPROTO_AH;
	six.declared = SA_DIR_OUT;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, ah);
	event(SA_EVENT_NEW, six);
	POLL(six, ah, out_sa(1));
	life_is(3, 3, 0);
	event(SA_EVENT_DELETE, ah);
	POLL(six, out_sa(1));
	life_is(2, 3, 1);
}

/* No event says otherwise, so it is the same SA, and counts on from there. */
TEST(bytes_that_go_back_are_never_taken_away)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	POLL(with_traffic(out_sa(1), 100, 1));
	IS(confidential_bytes_sent, 500);
	ck_assert_uint_eq(totals(0)->losses, 1);
	POLL(with_traffic(out_sa(1), 150, 2));
	IS(confidential_bytes_sent, 550);
	POLL(with_traffic(out_sa(1), 600, 6));
	IS(confidential_bytes_sent, 1000);
	ck_assert_uint_eq(totals(0)->losses, 1);
	life_is(1, 1, 0);
}

TEST(delsa_with_fewer_bytes_takes_nothing_away)
{
	POLL(with_traffic(out_sa(1), 300, 3));
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 100, 1));
	IS(confidential_bytes_sent, 500);
	POLL_NONE();
	IS(confidential_bytes_sent, 500);
	life_is(0, 1, 1);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/*
 * XFRM_MSG_NEWAE sets curlft, add_time included, and nobody hears of it: a dataplane
 * publishes what it has carried. The same SA then shows another time.
 */

static struct sa published(struct sa sa, uint64_t add_time, uint64_t bytes)
{
	sa.add_time = add_time;
	return with_traffic(sa, bytes, bytes / 100);
}

static const uint64_t made_up[] = {0, T0 - 1, T0, T0 + 1, T0 + 1000000};

enum { MADE_UP = sizeof(made_up) / sizeof(*made_up) };

static void nothing_is_lost(void)
{
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(published_in_steps)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	for (uint64_t i = 1; i <= 8; i++)
		POLL(published(out_sa(1), T0 + 7 * i, 1000 * i));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 8000);
	counts_are(1, 0, 0);
	nothing_is_lost();
	ck_assert(!ledger_wants_dump(ledger));
}

/* Every counter for itself. */
TEST(published_and_set_back)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		struct sa sa = with_traffic(in_sa(1), 5000, 50);

		teardown();
		setup();
		sa.replay_protected = true;
		sa.integrity_failed = 3;
		POLL(sa);
		sa = published(sa, made_up[i], 1000);
		POLL(sa);
		life_is(1, 1, 0);
		IS(confidential_bytes_received, 5000);
		IS(packets_with_replay_detection, 50);
		ck_assert_uint_eq(totals(0)->losses, 1);
		sa.integrity_failed = 4;
		POLL(with_traffic(sa, 1200, 12));
		IS(confidential_bytes_received, 5200);
		IS(packets_with_replay_detection, 52);
		IS(packets_not_authenticated, 4);
		ck_assert_uint_eq(totals(0)->losses, 1);
		POLL(with_traffic(sa, 1500, 0));
		IS(confidential_bytes_received, 5500);
		IS(packets_with_replay_detection, 52);
		ck_assert_uint_eq(totals(0)->losses, 2);
		life_is(1, 1, 0);
	}
}

/* Before its NEWSA is read. */
TEST(published_before_its_first_dump)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		teardown();
		setup();
		POLL_NONE();
		begin();
		show(published(out_sa(1), made_up[i], 700));
		event(i % 2 ? SA_EVENT_NEW : SA_EVENT_UPDATE, out_sa(1));
		finish();
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 700);
		POLL(published(out_sa(1), made_up[i], 900));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 900);
		counts_are(1, 0, 0);
		nothing_is_lost();
	}
}

/* By DELSA or hard EXPIRE, which show the last time; a dump has shown another, or the
 * same, or none. */
TEST(published_then_ended)
{
	for (size_t i = 0; i < MADE_UP * MADE_UP * 4; i++) {
		struct sa last = published(out_sa(1), made_up[i / 4 % MADE_UP], 900);

		teardown();
		setup();
		POLL(published(out_sa(1), T0, 500));
		begin();
		if (i % 2)
			show(published(out_sa(1), made_up[i / 4 / MADE_UP], 700));
		if (i / 2 % 2)
			event(SA_EVENT_DELETE, last);
		else
			hard_expire(last);
		finish();
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 900);
		counts_are(0, 0, 0);
		nothing_is_lost();
	}
}

TEST(set_back_then_ended)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		teardown();
		setup();
		POLL(published(out_sa(1), T0, 500));
		begin();
		show(published(out_sa(1), made_up[i], 100));
		event(SA_EVENT_DELETE, published(out_sa(1), made_up[i], 300));
		finish();
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 700);
		ck_assert_uint_eq(totals(0)->losses, 1);
	}
}

/* What the dump shows is the next SA of the key: the end shows the first one's time. */
TEST(published_and_made_again_during_the_dump)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		struct sa next = published(out_sa(1), T0 + 60, 200);
		struct sa born = next;

		born.bytes = born.packets = 0;
		teardown();
		setup();
		POLL(published(out_sa(1), made_up[i], 500));
		begin();
		show(next);
		event(SA_EVENT_DELETE, published(out_sa(1), made_up[i], 600));
		event(SA_EVENT_NEW, born);
		finish();
		IS(confidential_bytes_sent, 800);
		POLL(published(next, T0 + 60, 250));
		life_is(1, 2, 1);
		IS(confidential_bytes_sent, 850);
		nothing_is_lost();
	}
}

/* The keying daemon reads the counters before it deletes the SA: what it preloads may
 * be older than what DELSA shows. */
TEST(published_then_moved)
{
	for (size_t i = 0; i < ROADS * MADE_UP; i++) {
		struct sa to =
		    moved(out_sa(1), roads[i % ROADS][0], roads[i % ROADS][1]);

		teardown();
		setup();
		POLL(published(out_sa(1), T0, 2000));
		event(SA_EVENT_DELETE, published(out_sa(1), made_up[i / ROADS], 2600));
		event(SA_EVENT_NEW, published(to, T0 + 5, 2500));
		POLL(published(to, T0 + 9, 3000));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 3100);
		IS(active_tunnels, 1);
		nothing_is_lost();
	}
}

/* Its first packets are few, and it shows another time: no move. */
TEST(made_again_elsewhere_with_its_first_packets)
{
	struct sa other = moved(out_sa(1), "10.0.0.2", "192.0.2.2");

	POLL(published(out_sa(1), T0, 2000));
	event(SA_EVENT_DELETE, published(out_sa(1), T0, 2600));
	event(SA_EVENT_NEW, published(other, T0 + 5, 100));
	POLL(published(other, T0 + 5, 300));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 2900);
	nothing_is_lost();
}

TEST(set_back_then_moved)
{
	for (size_t i = 0; i < ROADS * MADE_UP; i++) {
		struct sa to =
		    moved(out_sa(1), roads[i % ROADS][0], roads[i % ROADS][1]);

		teardown();
		setup();
		POLL(published(out_sa(1), T0, 2000));
		event(SA_EVENT_DELETE, published(out_sa(1), made_up[i / ROADS], 600));
		event(SA_EVENT_NEW, published(to, made_up[i / ROADS], 600));
		POLL(published(to, T0 + 9, 700));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 2100);
		ck_assert_uint_eq(totals(0)->losses, 1);
	}
}

/* The age among siblings is that of its birth. */
TEST(published_then_rekeyed_after_a_move)
{
	struct sa old = published(out_sa(1), T0 + 1000, 100);
	struct sa young = out_sa(2);

	young.add_time += 60;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, young);
	POLL(young, old);
	for (int i = 0; i < 2; i++) {
		struct sa *sa = i ? &old : &young;
		struct sa to = moved(*sa, "10.0.0.2", "192.0.2.9");

		event(SA_EVENT_DELETE, *sa);
		event(SA_EVENT_NEW, to);
		*sa = to;
	}
	POLL(old, young);
	life_is(2, 2, 0);
	event(SA_EVENT_DELETE, old);
	POLL(young);
	IS(rekeys, 1);
}

TEST(migrated_and_published)
{
	for (size_t i = 0; i < ROADS * MADE_UP; i++) {
		struct sa to =
		    moved(out_sa(1), roads[i % ROADS][0], roads[i % ROADS][1]);
		uint64_t bytes = i / ROADS % 2 ? 100 : 700;

		teardown();
		setup();
		POLL(published(out_sa(1), T0, 500));
		event_without_sa(SA_EVENT_MIGRATE);
		POLL(published(to, made_up[i / ROADS], bytes));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, bytes < 500 ? 500 : 700);
		ck_assert_uint_eq(totals(0)->losses, bytes < 500);
		POLL(published(to, made_up[i / ROADS], bytes + 50));
		IS(confidential_bytes_sent, bytes < 500 ? 550 : 750);
	}
}

TEST(migrated_and_published_then_ended)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0 + 3, 600));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, published(to, T0 + 5, 700));
	finish();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 700);
}

/* Shown by a dump that began before the flush. */
TEST(published_then_flushed)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		teardown();
		setup();
		POLL(published(out_sa(1), T0, 500));
		begin();
		show(published(out_sa(1), made_up[i], 600));
		event_without_sa(SA_EVENT_FLUSH);
		finish();
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 600);
		ck_assert_uint_eq(totals(0)->losses, 1);
	}
}

/* What is made after a flush and published is no flushed one, whatever time it shows.
 */
TEST(flushed_and_made_again_and_published)
{
	for (size_t i = 0; i < MADE_UP; i++) {
		teardown();
		setup();
		POLL(published(out_sa(1), T0, 500));
		event_without_sa(SA_EVENT_FLUSH);
		begin();
		show(published(out_sa(1), made_up[i], 700));
		event(SA_EVENT_NEW, published(out_sa(1), T0 + 1, 0));
		finish();
		life_is(1, 2, 1);
		IS(confidential_bytes_sent, 1200);
		POLL(published(out_sa(1), made_up[i], 800));
		life_is(1, 2, 1);
		IS(confidential_bytes_sent, 1300);
		ck_assert_uint_eq(totals(0)->losses, 1);
	}
}

/* FLUSHSA and NEWSA are read after the dump has shown one of the two. */
TEST(published_flushed_and_made_again_during_the_dump)
{
	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0 + 7, 700));
	event_without_sa(SA_EVENT_FLUSH);
	event(SA_EVENT_NEW, published(out_sa(1), T0 + 9, 0));
	finish();
	ck_assert(ledger_wants_dump(ledger));
	POLL(published(out_sa(1), T0 + 9, 100));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* Two samples, of which only the first is lower. */
TEST(set_back_in_a_dump_that_is_cut_short)
{
	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0 + 7, 100));
	cut_short();
	POLL(published(out_sa(1), T0 + 8, 800));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 1200);
	ck_assert_uint_eq(totals(0)->losses, 1);
	counts_are(1, 0, 0);
}

TEST(published_with_no_direction)
{
	blind = true;
	POLL(published(out_sa(1), T0, 500));
	POLL(published(out_sa(1), T0 + 5, 600));
	blind = false;
	POLL(published(out_sa(1), T0 + 9, 700));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	IS(active_tunnels, 1);
	nothing_is_lost();
}

/* IPComp counts once in the kernel's sum, too. */
TEST(published_that_is_no_ipsec)
{
	struct sa comp = larval(out_sa(0x1234));

	comp.proto = IPPROTO_COMP;
	POLL_NONE();
	event(SA_EVENT_NEW, comp);
	POLL(published(comp, T0 + 9, 100));
	counts_are(0, 0, 1);
	event(SA_EVENT_DELETE, published(comp, T0 + 12, 100));
	counts_are(0, 0, 0);
}

/* A late DELSA of one given up. */
TEST(published_and_given_up)
{
	POLL(published(out_sa(1), T0, 500));
	POLL_NONE();
	POLL_NONE();
	event(SA_EVENT_DELETE, published(out_sa(1), T0 + 4, 600));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
}

/* After a gap the same key may be another SA's. One that shows more is taken for the
 * same, so that nothing counts twice; one that shows less, for another. */
TEST(another_time_after_a_gap)
{
	for (int more = 0; more < 2; more++) {
		uint64_t bytes = more ? 700 : 100;
		struct sa sa = published(in_sa(1), T0, 500);

		teardown();
		setup();
		sa.integrity_failed = 3;
		POLL(sa);
		ledger_note_gap(ledger);
		sa = published(sa, T0 + 60, bytes);
		POLL(sa);
		life_is(1, more ? 1 : 2, more ? 0 : 1);
		IS(confidential_bytes_received, more ? 700 : 600);
		IS(packets_not_authenticated, more ? 3 : 6);
		ck_assert_uint_eq(totals(0)->losses, 1);
		POLL(published(sa, T0 + 90, bytes + 50));
		life_is(1, more ? 1 : 2, more ? 0 : 1);
		IS(confidential_bytes_received, more ? 750 : 650);
		ck_assert_uint_eq(totals(0)->losses, 1);
		counts_are(1, 0, 0);
	}
}

/* The events are lost while a dump is under way that has shown what was before. */
TEST(another_time_after_a_gap_during_the_dump)
{
	POLL(published(out_sa(1), T0, 500));
	begin();
	show(published(out_sa(1), T0, 500));
	ledger_note_gap(ledger);
	finish();
	POLL(published(out_sa(1), T0 + 60, 100));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 600);
}

/* The kernel has refused it while the old one lived. */
TEST(newsa_of_a_key_whose_delsa_was_lost)
{
	POLL(published(out_sa(1), T0, 500));
	ledger_note_gap(ledger);
	event(SA_EVENT_NEW, published(out_sa(1), T0 + 60, 0));
	life_is(1, 2, 1);
	POLL(published(out_sa(1), T0 + 90, 700));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 1200);
}

/* The NEWSA of a keyed SA is lost, the UPDSA that changes it is not: it is as old as
 * the dump says, between the same ends and after a move. */
TEST(updsa_of_an_sa_whose_newsa_was_lost)
{
	for (int moves = 0; moves <= 1; moves++) {
		struct sa old = moved(out_sa(1), "10.0.0.2", "192.0.2.1");
		struct sa young = moved(out_sa(2), "10.0.0.2", "192.0.2.1");
		struct sa update = moves ? out_sa(1) : old;

		teardown();
		setup();
		POLL_NONE();
		ledger_note_gap(ledger);
		young.add_time++;
		update.add_time += 2;
		event(SA_EVENT_NEW, young);
		event(SA_EVENT_UPDATE, update);
		POLL(young, old);
		life_is(2, 2, 0);
		event(SA_EVENT_DELETE, old);
		POLL(young);
		IS(rekeys, 1);
		event(SA_EVENT_DELETE, young);
		POLL_NONE();
		IS(rekeys, 1);
	}
}

/* The key of an SA whose end is known, again: by UPDSA, and with a published add_time.
 */
TEST(published_and_named_by_updsa_during_the_dump)
{
	struct sa sa = out_sa(1);

	POLL(sa);
	event(SA_EVENT_DELETE, sa);
	begin();
	show(published(sa, 2, 0));
	sa.add_time++;
	event(SA_EVENT_UPDATE, sa);
	finish();
	life_is(1, 2, 1);
	POLL(published(sa, 2, 0));
	life_is(1, 2, 1);
}

/* What ended unseen in the gap, having carried nothing, has not moved here: this SA is
 * known, and has been published. */
TEST(published_after_a_gap_in_which_another_like_it_ended)
{
	struct sa sa = published(out_sa(1), T0, 500);

	POLL(sa);
	ledger_note_gap(ledger);
	event(SA_EVENT_DELETE, moved(out_sa(1), "10.0.0.2", "192.0.2.1"));
	POLL(published(sa, 7, 700));
	POLL(published(sa, 7, 700));
	IS(confidential_bytes_sent, 700);
}

/* It is given up for another of its key, and continues nowhere else then. */
TEST(lost_for_another_of_its_key_after_a_gap)
{
	struct sa elsewhere = moved(out_sa(1), "10.0.0.2", "192.0.2.1");

	POLL(published(out_sa(1), T0, 500));
	ledger_note_gap(ledger);
	POLL(published(out_sa(1), T0 + 60, 0), elsewhere);
	life_is(2, 3, 1);
	counts_are(2, 0, 0);
	POLL(published(out_sa(1), T0 + 60, 10), with_traffic(elsewhere, 20, 1));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 530);
}

/* UPDSA of a moved SA whose messages were lost looks like a new one. */
TEST(published_and_moved_and_updated_during_a_gap)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.2");

	POLL(published(out_sa(1), T0, 1900));
	ledger_note_gap(ledger);
	event(SA_EVENT_UPDATE, published(to, T0 + 1, 0));
	for (int i = 0; i < 2; i++)
		POLL(published(to, T0 + 5, 2000));
	IS(active_sa, 1);
	IS(confidential_bytes_sent, 2000);
}

/* MOBIKE: DELSA, then NEWSA with the same SPI and add_time and the bytes preloaded. */

TEST(mobike)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		POLL(with_traffic(out_sa(1), 200, 2));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		POLL(with_traffic(to, 300, 4));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
		IS(active_tunnels, 1);
		counts_are(1, 0, 0);
		event(SA_EVENT_DELETE, with_traffic(to, 310, 5));
		POLL_NONE();
		life_is(0, 1, 1);
		IS(confidential_bytes_sent, 310);
		ck_assert_uint_eq(totals(0)->losses, 0);
	}
}

TEST(mobike_inbound)
{
	struct sa to = moved(in_sa(1), "192.0.2.1", "10.0.0.2");

	POLL(with_traffic(in_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(in_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	life_is(1, 1, 0);
	IS(confidential_bytes_received, 300);
}

TEST(mobike_before_any_traffic)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		POLL(out_sa(1));
		event(SA_EVENT_DELETE, out_sa(1));
		event(SA_EVENT_NEW, to);
		POLL(with_traffic(to, 40, 1));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 40);
	}
}

/* The whole poll falls after the DELSA's reading, the NEWSA comes while it dumps. */
TEST(mobike_with_the_dump_in_between)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		POLL(with_traffic(out_sa(1), 200, 2));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		begin();
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		finish();
		POLL(with_traffic(to, 300, 4));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
	}
}

/* A poll that begins and ends between the two messages. */
/* The SA is in use from its insertion on, the message is made a moment later. */
TEST(first_packets_in_the_newsa)
{
	POLL_NONE();
	event(SA_EVENT_NEW, with_traffic(out_sa(1), 1500, 1));
	POLL(with_traffic(out_sa(1), 15000, 10));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 15000);
}

/* After a loss they may as well be preloaded: then not counted is right. */
TEST(first_packets_in_the_newsa_after_a_loss)
{
	POLL_NONE();
	ledger_note_gap(ledger);
	event(SA_EVENT_NEW, with_traffic(out_sa(1), 1500, 1));
	POLL(with_traffic(out_sa(1), 15000, 10));
	IS(confidential_bytes_sent, 13500);
}

TEST(mobike_with_a_whole_poll_in_between)
{
	struct sa to = moved(out_sa(1), roads[1][0], roads[1][1]);

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	POLL_NONE();
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	IS(confidential_bytes_sent, 300);
	IS(active_sa, 1);
	ck_assert_uint_eq(
	    totals(0)->stats.key_additions - totals(0)->stats.key_deletions, 1);
}

/* The dump runs before either message is read, and shows more than was preloaded. */
TEST(mobike_found_by_the_dump_first)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		POLL(with_traffic(out_sa(1), 200, 2));
		begin();
		show(with_traffic(to, 280, 4));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		finish();
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 280);
		POLL(with_traffic(to, 300, 5));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
		IS(active_tunnels, 1);
		counts_are(1, 0, 0);
	}
}

/* The new SA's errors begin at zero, also when the key is the old one's. */
TEST(mobike_found_by_the_dump_first_with_errors)
{
	struct sa from = with_traffic(in_sa(1), 200, 2);
	struct sa to = moved(with_traffic(in_sa(1), 252, 3), "192.0.2.2", "10.0.0.1");

	from.integrity_failed = 5;
	from.replay = 7;
	POLL(from);
	begin();
	show(to);
	from.integrity_failed = 6;
	from.replay = 8;
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	event(SA_EVENT_NEW, to);
	finish();
	to.integrity_failed = 10;
	POLL(to);
	IS(packets_not_authenticated, 16);
	ck_assert_uint_eq(totals(0)->replay_failures, 8);
	life_is(1, 1, 0);
}

/* The very first poll is no exception. */
TEST(mobike_during_the_first_dump)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		begin();
		show(with_traffic(to, 280, 4));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		event(SA_EVENT_NEW, with_traffic(to, 252, 3));
		finish();
		POLL(with_traffic(to, 300, 5));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
	}
}

TEST(mobike_whose_newsa_was_lost)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		POLL(with_traffic(out_sa(1), 200, 2));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		POLL(with_traffic(to, 300, 4));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
	}
}

TEST(mobike_found_by_the_dump_whose_newsa_was_lost)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		POLL(with_traffic(out_sa(1), 200, 2));
		begin();
		show(with_traffic(to, 280, 4));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
		finish();
		POLL(with_traffic(to, 300, 5));
		POLL(with_traffic(to, 300, 5));
		IS(confidential_bytes_sent, 300);
		IS(active_sa, 1);
	}
}

TEST(mobike_whose_messages_were_both_lost)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa to = moved(out_sa(1), roads[i][0], roads[i][1]);

		teardown();
		setup();
		POLL(with_traffic(out_sa(1), 200, 2));
		POLL(with_traffic(to, 300, 4));
		POLL(with_traffic(to, 400, 5));
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 400);
	}
}

TEST(mobike_keeps_the_row)
{
	struct sa from = out_sa(1);
	struct sa to;

	from.reqid = 100;
	to = moved(from, "10.0.0.2", "192.0.2.1");
	POLL(with_traffic(from, 200, 2));
	ownerless = true;
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 300);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
	ck_assert_uint_eq(totals(0)->stats.active_sa, 0);
}

/* What the dump saw before the messages were read is the old row's as well. */
TEST(mobike_found_by_the_dump_first_keeps_the_row)
{
	struct sa from = in_sa(1);
	struct sa to;

	from.reqid = 100;
	to = moved(with_traffic(from, 252, 3), "192.0.2.1", "10.0.0.2");
	POLL(with_traffic(from, 200, 2));
	ownerless = true;
	to.integrity_failed = 5;
	to.replay = 6;
	begin();
	show(with_traffic(to, 280, 4));
	event(SA_EVENT_DELETE, with_traffic(from, 252, 3));
	to.integrity_failed = to.replay = 0;
	event(SA_EVENT_NEW, to);
	finish();
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_received, 280);
	ck_assert_uint_eq(totals(1)->stats.packets_not_authenticated, 5);
	ck_assert_uint_eq(totals(1)->replay_failures, 6);
	IS(packets_not_authenticated, 0);
	IS(confidential_bytes_received, 0);
}

/* Nothing tells the direction at the new addresses: it is what it was. */
TEST(mobike_keeps_the_direction)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	blind = true;
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	POLL(with_traffic(to, 300, 4));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 300);
	IS(active_tunnels, 1);
}

TEST(mobike_twice)
{
	struct sa a = moved(out_sa(1), "10.0.0.2", "192.0.2.1");
	struct sa b = moved(out_sa(1), "10.0.0.3", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(a, 252, 3));
	event(SA_EVENT_DELETE, with_traffic(a, 260, 4));
	event(SA_EVENT_NEW, with_traffic(b, 260, 4));
	POLL(with_traffic(b, 300, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 300);
}

/* The new one deleted before the old one's move was even read. */
TEST(mobike_then_gone)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 252, 3));
	event(SA_EVENT_NEW, with_traffic(to, 252, 3));
	event(SA_EVENT_DELETE, with_traffic(to, 300, 4));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

/* MIGRATE: one message, a clone that keeps curlft and whose stats start again. */

TEST(migrate)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa from = with_traffic(out_sa(1), 200, 2);
		struct sa to =
		    with_traffic(moved(out_sa(1), roads[i][0], roads[i][1]), 300, 3);

		teardown();
		setup();
		from.integrity_failed = 10;
		to.integrity_failed = 2;
		POLL(from);
		event_without_sa(SA_EVENT_MIGRATE);
		ck_assert(ledger_wants_dump(ledger));
		POLL(to);
		life_is(1, 1, 0);
		IS(confidential_bytes_sent, 300);
		IS(packets_not_authenticated, 12);
		IS(active_tunnels, 1);
		ck_assert_uint_eq(totals(0)->losses, 0);
		ck_assert(!ledger_wants_dump(ledger));
	}
}

/* After the move the SA's like are those at the new addresses. */
TEST(migrate_then_rekey)
{
	for (size_t i = 0; i < ROADS; i++) {
		struct sa old = moved(out_sa(1), roads[i][0], roads[i][1]);
		struct sa young = moved(out_sa(2), roads[i][0], roads[i][1]);

		teardown();
		setup();
		young.add_time += 50;
		POLL(out_sa(1));
		event_without_sa(SA_EVENT_MIGRATE);
		POLL(old);
		event(SA_EVENT_NEW, young);
		POLL(young, old);
		IS(active_tunnels, 1);
		event(SA_EVENT_DELETE, old);
		POLL(young);
		IS(rekeys, 1);
		IS(active_tunnels, 1);
	}
}

/* Its key is free again, for a new SA that comes before the dump that shows the clone.
 */
TEST(migrate_then_another_of_the_old_key)
{
	struct sa old = with_traffic(out_sa(1), 500, 5);
	struct sa clone = with_traffic(moved(old, "10.0.0.2", "192.0.2.2"), 700, 7);
	struct sa young = out_sa(1);

	young.add_time++;
	POLL(old);
	begin();
	show(old);
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_NEW, young);
	finish();
	life_is(2, 2, 0);
	POLL(young, clone);
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 700);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

/* Whichever of the two the table meets first, since it has grown in between. */
TEST(migrate_then_another_of_the_old_key_among_many)
{
	struct sa old = with_traffic(out_sa(1), 500, 5);
	struct sa clone = with_traffic(moved(old, "10.0.0.2", "192.0.2.2"), 700, 7);
	struct sa young = out_sa(1);

	young.add_time++;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(2));
	event(SA_EVENT_NEW, out_sa(1));
	POLL(out_sa(2), old);
	hard_expire(out_sa(2)); /* the new SA takes its place */
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_NEW, young);
	for (uint32_t spi = 1000; spi < 1100; spi++)
		event(SA_EVENT_NEW, in_sa(spi));
	hard_expire(with_traffic(young, 40, 1));
	for (uint32_t spi = 1000; spi < 1100; spi++)
		hard_expire(in_sa(spi));
	POLL(clone);
	IS(confidential_bytes_sent, 740);
	IS(active_sa, 1);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

/* The clone has gone as well, without a word. */
TEST(migrate_then_another_of_the_old_key_and_a_flush)
{
	struct sa old = with_traffic(out_sa(1), 500, 5);
	struct sa young = out_sa(1);

	young.add_time++;
	POLL(old);
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_NEW, young);
	event_without_sa(SA_EVENT_FLUSH);
	POLL_NONE();
	life_is(0, 2, 2);
	IS(rekeys, 0);
	ck_assert_uint_eq(totals(0)->losses, 2);
}

TEST(migrate_then_gone_before_a_dump)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, with_traffic(to, 300, 3));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

TEST(migrate_then_gone_during_the_dump_that_found_it)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	begin();
	show(with_traffic(to, 250, 3));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, with_traffic(to, 300, 4));
	finish();
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

TEST(migrate_then_expired_before_a_dump)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event_without_sa(SA_EVENT_MIGRATE);
	hard_expire(with_traffic(to, 300, 3));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

TEST(migrate_then_expired_without_traffic)
{
	POLL(out_sa(1));
	event_without_sa(SA_EVENT_MIGRATE);
	hard_expire(moved(out_sa(1), "10.0.0.2", "192.0.2.9"));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

/* The message is read in a dump that is then cut short. */
TEST(migrate_during_a_dump_that_is_cut_short)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	begin();
	event_without_sa(SA_EVENT_MIGRATE);
	cut_short();
	event(SA_EVENT_DELETE, with_traffic(to, 300, 3));
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 300);
}

/* An SPI may stand for two; only one that has moved can end elsewhere. */
TEST(no_migrate_then_one_like_it_ends)
{
	const struct sa like = moved(out_sa(1), "10.0.0.2", "192.0.2.9");

	POLL(with_traffic(out_sa(1), 200, 2));
	event(SA_EVENT_DELETE, with_traffic(like, 300, 3));
	POLL(with_traffic(out_sa(1), 200, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 500);
}

TEST(migrate_then_the_other_way_ends)
{
	POLL(with_traffic(out_sa(1), 200, 2));
	event_without_sa(SA_EVENT_MIGRATE);
	event(SA_EVENT_DELETE, with_traffic(in_sa(1), 70, 1));
	POLL(with_traffic(out_sa(1), 200, 2));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 200);
	IS(confidential_bytes_received, 70);
}

/* Not an IPsec key. */

TEST(ipcomp_and_its_helper_count_nowhere)
{
	struct sa comp = out_sa(0x1234);
	struct sa helper = out_sa(0xc0000201);

	comp.proto = IPPROTO_COMP;
	helper.proto = IPPROTO_IPIP;
	comp.keyed = helper.keyed = false;
	POLL_NONE();
	event(SA_EVENT_NEW, comp);
	POLL(with_traffic(helper, 900, 9), with_traffic(comp, 1028, 1));
	counts_are(0, 0, 2);
	for (size_t i = 0; i < STAT_COUNT; i++)
		ck_assert_uint_eq(stats_get(&totals(0)->stats, &stat_columns[i]), 0);
	event(SA_EVENT_DELETE, with_traffic(comp, 2000, 2));
	hard_expire(with_traffic(helper, 2000, 2));
	counts_are(0, 0, 0);
	POLL_NONE();
	for (size_t i = 0; i < STAT_COUNT; i++)
		ck_assert_uint_eq(stats_get(&totals(0)->stats, &stat_columns[i]), 0);
	event(SA_EVENT_DELETE, with_traffic(comp, 2000, 2)); /* never seen before */
	hard_expire(with_traffic(helper, 2000, 2));
	POLL_NONE();
	life_is(0, 0, 0);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(esp_inside_ah)
{
	struct sa esp = out_sa(1);
	struct sa ah = out_sa(2);

	esp.mode = ah.mode = XFRM_MODE_TRANSPORT;
	ah.proto = IPPROTO_AH;
	POLL(with_traffic(ah, 144, 1), with_traffic(esp, 108, 1));
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 108);
	IS(authenticated_bytes_sent, 144);
	IS(transport_bytes_sent, 252);
}

/* Errors of an SA. */

TEST(errors_are_added)
{
	struct sa sa = in_sa(1);

	POLL_NONE();
	event(SA_EVENT_NEW, sa);
	sa.integrity_failed = 3;
	sa.replay = 5;
	sa.replay_window = 7;
	POLL(sa);
	IS(packets_not_authenticated, 3);
	ck_assert_uint_eq(totals(0)->replay_failures, 12);
	sa.integrity_failed = 4;
	sa.replay = 6;
	sa.replay_window = 8;
	event(SA_EVENT_DELETE, sa);
	POLL_NONE();
	IS(packets_not_authenticated, 4);
	ck_assert_uint_eq(totals(0)->replay_failures, 14);
}

TEST(errors_wrap_at_32_bits)
{
	struct sa sa = in_sa(1);

	POLL(sa);
	sa.integrity_failed = sa.replay = UINT32_MAX / 2;
	POLL(sa);
	sa.integrity_failed = UINT32_MAX - 1;
	sa.replay = UINT32_MAX - 5;
	POLL(sa);
	IS(packets_not_authenticated, UINT32_MAX - 1);
	sa.integrity_failed = 3;
	sa.replay = 4;
	POLL(sa);
	IS(packets_not_authenticated, UINT32_MAX + UINT64_C(4));
	ck_assert_uint_eq(totals(0)->replay_failures, UINT32_MAX + UINT64_C(5));
}

TEST(errors_that_start_again)
{
	struct sa sa = in_sa(1);

	sa.integrity_failed = 1000;
	POLL(sa);
	sa.integrity_failed = 3;
	POLL(sa);
	IS(packets_not_authenticated, 1003);
}

/* Found in a dump that was then cut short; more failures come before the next one. */
TEST(errors_of_one_found_twice)
{
	struct sa sa = in_sa(1);

	POLL_NONE();
	sa.integrity_failed = 3;
	begin();
	show(sa);
	cut_short();
	sa.integrity_failed = 5;
	POLL(sa);
	IS(packets_not_authenticated, 5);
	life_is(1, 1, 0);
}

TEST(replay_detection)
{
	struct sa in = in_sa(1);
	struct sa out = out_sa(2);
	struct sa naked = in_sa(3);

	POLL_NONE();
	in.replay_protected = out.replay_protected = true;
	event(SA_EVENT_UPDATE, in);
	event(SA_EVENT_NEW, out);
	event(SA_EVENT_NEW, naked);
	POLL(with_traffic(in, 100, 7), with_traffic(out, 100, 20),
	     with_traffic(naked, 100, 300));
	IS(packets_with_replay_detection, 7);
	event(SA_EVENT_DELETE, with_traffic(in, 150, 9));
	POLL(with_traffic(out, 200, 40), with_traffic(naked, 200, 600));
	IS(packets_with_replay_detection, 9);
}

/* UPDSA may change the window; its message says nothing, the next dump does. */
TEST(replay_window_that_comes_later)
{
	struct sa sa = in_sa(1);

	POLL(with_traffic(sa, 100, 1));
	sa.replay_protected = true;
	POLL(with_traffic(sa, 200, 5));
	IS(packets_with_replay_detection, 4);
	sa.replay_protected = false;
	POLL(with_traffic(sa, 300, 9));
	IS(packets_with_replay_detection, 4);
}

/* Direction that is not known at first. */

TEST(direction_known_later)
{
	struct sa sa = with_traffic(out_sa(1), 500, 5);

	blind = true;
	POLL(sa);
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 0);
	IS(confidential_bytes_received, 0);
	IS(active_tunnels, 0);
	POLL(with_traffic(sa, 600, 6));
	blind = false;
	POLL(with_traffic(sa, 700, 7));
	IS(confidential_bytes_sent, 700);
	IS(active_tunnels, 1);
	life_is(1, 1, 0);
}

TEST(direction_known_later_by_sequence_numbers)
{
	struct sa sa = in_sa(1);

	blind = true;
	sa.replay_protected = true;
	POLL_NONE();
	event(SA_EVENT_NEW, sa);
	POLL(sa);
	sa.sequence = SA_DIR_IN;
	POLL(with_traffic(sa, 700, 7));
	IS(confidential_bytes_received, 700);
	IS(packets_with_replay_detection, 7);
}

/* DELSA carries the sequence numbers too: the last chance to learn. */
TEST(direction_known_at_the_end)
{
	struct sa sa = in_sa(1);

	blind = true;
	POLL_NONE();
	event(SA_EVENT_NEW, sa);
	sa.sequence = SA_DIR_IN;
	event(SA_EVENT_DELETE, with_traffic(sa, 700, 7));
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_received, 700);
}

TEST(direction_never_known)
{
	blind = true;
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL_NONE();
	life_is(0, 1, 1);
	for (size_t i = STAT_ID_packets_with_replay_detection - 1; i < STAT_COUNT; i++)
		ck_assert_uint_eq(stats_get(&totals(0)->stats, &stat_columns[i]), 0);
}

TEST(direction_known_later_brings_its_row)
{
	struct sa sa = out_sa(1);

	sa.reqid = 100;
	blind = true;
	ownerless = true;
	POLL(with_traffic(sa, 500, 5));
	blind = false;
	ownerless = false;
	POLL(with_traffic(sa, 600, 6));
	life_is(0, 1, 1);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
	ck_assert_uint_eq(totals(1)->stats.key_additions, 1);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(1)->stats.active_tunnels, 1);
	IS(active_tunnels, 0);
}

/* Rows. */

TEST(rows_are_apart)
{
	struct sa a = out_sa(1);
	struct sa b = out_sa(2);

	a.reqid = 100;
	b.reqid = 300;
	POLL(with_traffic(a, 10, 1), with_traffic(b, 200, 2));
	ck_assert_uint_eq(totals(0)->stats.active_sa, 0);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 10);
	ck_assert_uint_eq(totals(2)->stats.confidential_bytes_sent, 0);
	ck_assert_uint_eq(totals(3)->stats.confidential_bytes_sent, 200);
}

TEST(reattribute)
{
	struct sa sa = out_sa(1);
	struct sa waiting = larval(in_sa(2));

	sa.reqid = waiting.reqid = 100;
	ownerless = true;
	POLL(with_traffic(sa, 500, 5), waiting);
	life_is(1, 1, 0);
	IS(pending_key_operations, 1);
	IS(active_tunnels, 1);
	ownerless = false;
	ck_assert_int_eq(ledger_reattribute(ledger), 0);
	life_is(0, 1, 1);
	IS(pending_key_operations, 0);
	IS(active_tunnels, 0);
	IS(confidential_bytes_sent, 500);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
	ck_assert_uint_eq(totals(1)->stats.key_additions, 1);
	ck_assert_uint_eq(totals(1)->stats.pending_key_operations, 1);
	ck_assert_uint_eq(totals(1)->stats.active_tunnels, 1);
	POLL(with_traffic(sa, 600, 6), waiting);
	IS(confidential_bytes_sent, 500);
	IS(rekeys, 0);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 100);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

/* Nobody has seen it in row 0: its policy came a moment after it. */
TEST(reattribute_a_newborn)
{
	struct sa out = out_sa(1);
	struct sa in = in_sa(2);

	POLL();
	out.reqid = in.reqid = 100;
	in.replay_protected = true;
	ownerless = true;
	event(SA_EVENT_NEW, with_traffic(out, 52, 1));
	begin();
	event(SA_EVENT_NEW, with_traffic(in, 0, 0));
	in.integrity_failed = 3;
	in.replay = 2;
	show(with_traffic(out, 104, 2));
	show(with_traffic(in, 60, 1));
	ownerless = false;
	ck_assert_int_eq(ledger_reattribute(ledger), 0);
	finish();
	life_is(0, 0, 0);
	IS(active_tunnels, 0);
	IS(confidential_bytes_sent, 0);
	IS(confidential_bytes_received, 0);
	IS(packets_with_replay_detection, 0);
	IS(packets_not_authenticated, 0);
	ck_assert_uint_eq(totals(0)->replay_failures, 0);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 2);
	ck_assert_uint_eq(totals(1)->stats.key_additions, 2);
	ck_assert_uint_eq(totals(1)->stats.key_deletions, 0);
	ck_assert_uint_eq(totals(1)->stats.active_tunnels, 1);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 104);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_received, 60);
	ck_assert_uint_eq(totals(1)->stats.packets_with_replay_detection, 1);
	ck_assert_uint_eq(totals(1)->stats.packets_not_authenticated, 3);
	ck_assert_uint_eq(totals(1)->replay_failures, 2);
}

/* What it was born with may have been counted in row 0 under another address. */
TEST(reattribute_a_newborn_with_preloaded_bytes)
{
	struct sa out = out_sa(1);

	POLL();
	out.reqid = 100;
	ownerless = true;
	ledger_note_gap(ledger);
	event(SA_EVENT_NEW, with_traffic(out, 500, 5));
	ownerless = false;
	ck_assert_int_eq(ledger_reattribute(ledger), 0);
	POLL(with_traffic(out, 600, 6));
	life_is(0, 1, 1);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 100);
}

TEST(a_claimed_sa_keeps_its_row)
{
	struct sa sa = out_sa(1);

	sa.reqid = 100;
	POLL(with_traffic(sa, 500, 5));
	ownerless = true;
	ck_assert_int_eq(ledger_reattribute(ledger), 0);
	POLL(with_traffic(sa, 600, 6));
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(1)->stats.active_sa, 1);
}

TEST(more_rows)
{
	struct sa sa = out_sa(1);

	sa.reqid = 100;
	POLL(with_traffic(sa, 500, 5));
	ck_assert_int_eq(ledger_grow_rows(ledger, 200), 0);
	ck_assert_int_eq(ledger_grow_rows(ledger, 2), 0);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 500);
	ck_assert_uint_eq(totals(199)->stats.confidential_bytes_sent, 0);
	ck_assert_int_eq(ledger_grow_rows(ledger, LEDGER_MAX_ROWS + 1), -ERANGE);
	ck_assert_int_eq(ledger_grow_rows(ledger, LEDGER_MAX_ROWS), 0);
}

static unsigned row_out_of_range(void *ctx, const struct sa *sa, enum sa_direction way)
{
	(void)ctx;
	(void)sa;
	(void)way;
	return 70000;
}

TEST(a_row_that_is_not_there)
{
	const struct ledger_env bad = {NULL, direction, row_out_of_range};

	teardown();
	ledger = ledger_new(&bad, 2);
	POLL(with_traffic(out_sa(1), 500, 5));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 500);
}

/* ReKeys: DESIGN section 3, row 5. */

static struct sa younger_out(uint32_t spi)
{
	struct sa sa = out_sa(spi);

	sa.add_time += 60;
	return sa;
}

/* old and young live; old goes; how many rekeys were that? */
static uint64_t rekeys_when_goes(struct sa old, struct sa young)
{
	uint64_t rekeys;

	teardown();
	setup();
	POLL_NONE();
	event(SA_EVENT_NEW, old);
	POLL(old);
	event(SA_EVENT_NEW, young);
	event(SA_EVENT_DELETE, old);
	POLL(young);
	rekeys = 0;
	for (unsigned i = 0; i < ROWS; i++)
		rekeys += totals(i)->stats.rekeys;
	return rekeys;
}

TEST(rekey)
{
	ck_assert_uint_eq(rekeys_when_goes(out_sa(1), younger_out(2)), 1);
	life_is(1, 2, 1);
	IS(active_tunnels, 1);
}

TEST(rekey_within_a_second)
{
	ck_assert_uint_eq(rekeys_when_goes(out_sa(1), out_sa(2)), 1);
}

TEST(rekey_is_counted_outbound_only)
{
	struct sa young = in_sa(2);

	young.add_time += 60;
	ck_assert_uint_eq(rekeys_when_goes(in_sa(1), young), 0);
}

TEST(rekey_needs_a_reqid)
{
	struct sa old = out_sa(1);
	struct sa young = younger_out(2);

	old.reqid = young.reqid = 0;
	ck_assert_uint_eq(rekeys_when_goes(old, young), 0);
}

TEST(rekey_needs_everything_alike)
{
	struct sa young[10];

	for (size_t i = 0; i < 10; i++)
		young[i] = younger_out(2);
	young[0].proto = IPPROTO_AH;
	young[1].mode = XFRM_MODE_TRANSPORT;
	young[2].saddr = addr_of("10.0.0.2");
	young[3].daddr = addr_of("192.0.2.2");
	young[4].reqid = 2;
	young[5].if_id = 1;
	young[6].mark = 1;
	young[7].mark_mask = 1;
	young[8].selector = 1;
	young[9].pcpu = 1;
	for (size_t i = 0; i < 10; i++)
		ck_assert_msg(rekeys_when_goes(out_sa(1), young[i]) == 0, "%zu", i);
}

/* Events come in their true order, also when the wall clock has been set back. */
TEST(rekey_while_the_clock_steps_back)
{
	ck_assert_uint_eq(rekeys_when_goes(younger_out(2), out_sa(1)), 1);
}

TEST(old_one_that_outlives_the_younger)
{
	POLL(out_sa(1));
	event(SA_EVENT_NEW, younger_out(2));
	event(SA_EVENT_DELETE, younger_out(2));
	POLL(out_sa(1));
	IS(rekeys, 0);
	event(SA_EVENT_DELETE, out_sa(1));
	POLL_NONE();
	IS(rekeys, 0);
	life_is(0, 2, 2);
}

TEST(rekey_by_expiry)
{
	POLL(out_sa(1));
	event(SA_EVENT_NEW, younger_out(2));
	hard_expire(out_sa(1));
	POLL(younger_out(2));
	IS(rekeys, 1);
}

TEST(rekey_that_only_dumps_showed)
{
	POLL(out_sa(1));
	POLL(younger_out(2));
	POLL(younger_out(2));
	life_is(1, 2, 1);
	IS(rekeys, 1);
}

/* The first dump shows the youngest first; all were made in one second. */
TEST(rekeys_in_the_order_of_the_dump)
{
	POLL(out_sa(3), out_sa(2), out_sa(1));
	event(SA_EVENT_DELETE, out_sa(1));
	event(SA_EVENT_DELETE, out_sa(2));
	POLL(out_sa(3));
	IS(rekeys, 2);
	event(SA_EVENT_DELETE, out_sa(3));
	POLL_NONE();
	IS(rekeys, 2);
}

/* Likewise those that a later dump finds, whatever places in memory are free. */
TEST(rekeys_in_the_order_of_a_later_dump)
{
	const struct sa stays = in_sa(99);

	POLL(stays, out_sa(11), out_sa(12), out_sa(13));
	for (uint32_t i = 11; i <= 13; i++)
		event(SA_EVENT_DELETE, out_sa(i));
	POLL(stays);
	POLL(out_sa(3), out_sa(2), out_sa(1), stays);
	IS(rekeys, 0);
	event(SA_EVENT_DELETE, out_sa(1));
	event(SA_EVENT_DELETE, out_sa(2));
	POLL(out_sa(3), stays);
	IS(rekeys, 2);
	event(SA_EVENT_DELETE, out_sa(3));
	POLL(stays);
	IS(rekeys, 2);
}

/* Likewise beside an older one that was known before. */
TEST(rekeys_in_the_order_of_a_later_dump_beside_an_older_one)
{
	struct sa old = out_sa(1);

	old.add_time -= 100;
	POLL(old);
	POLL(out_sa(3), out_sa(2), old);
	event(SA_EVENT_DELETE, out_sa(2));
	POLL(out_sa(3), old);
	IS(rekeys, 1);
	event(SA_EVENT_DELETE, old);
	POLL(out_sa(3));
	IS(rekeys, 2);
}

TEST(a_hundred_rekeys)
{
	struct sa sa = out_sa(1000);
	uint64_t bytes = 0;

	POLL(sa);
	for (uint32_t i = 1; i <= 100; i++) {
		struct sa young = out_sa(1000 + i);

		young.add_time += i / 3;
		event(SA_EVENT_NEW, young);
		event(SA_EVENT_DELETE, with_traffic(sa, i * 10, i));
		bytes += i * 10;
		sa = young;
		if (i % 7 == 0)
			POLL(sa);
	}
	POLL(sa);
	life_is(1, 101, 100);
	IS(rekeys, 100);
	IS(confidential_bytes_sent, bytes);
	IS(active_tunnels, 1);
}

/* Per-CPU SAs stand side by side and are each other's equal, not each other's heir. */
TEST(per_cpu_sas)
{
	struct sa cpu[3] = {out_sa(1), younger_out(2), younger_out(3)};

	cpu[1].pcpu = 1;
	cpu[2].pcpu = 2;
	POLL(with_traffic(cpu[2], 1, 1), with_traffic(cpu[1], 20, 1),
	     with_traffic(cpu[0], 300, 1));
	life_is(3, 3, 0);
	IS(active_tunnels, 1);
	IS(confidential_bytes_sent, 321);
	event(SA_EVENT_DELETE, with_traffic(cpu[0], 300, 1));
	event(SA_EVENT_DELETE, with_traffic(cpu[1], 20, 1));
	POLL(cpu[2]);
	IS(rekeys, 0);
	IS(active_tunnels, 1);
}

/* ActiveTunnels: row 6. */

TEST(tunnels)
{
	struct sa sas[8];

	for (uint32_t i = 0; i < 8; i++)
		sas[i] = out_sa(i + 1);
	sas[1].add_time++;                   /* rekeyed: the same tunnel */
	sas[2].daddr = addr_of("192.0.2.2"); /* another end */
	sas[3].reqid = 2;                    /* another reqid */
	sas[4].if_id = 1;                    /* another interface */
	sas[5].mark = sas[5].mark_mask = 1;  /* another mark */
	sas[6].mode = XFRM_MODE_TRANSPORT;   /* no tunnel */
	sas[7].proto = IPPROTO_AH;           /* AH beside ESP: the same tunnel */
	poll_of(sas, 8);
	IS(active_tunnels, 5);
	poll_of(sas, 7);
	poll_of(sas, 7);
	IS(active_tunnels, 5);
	event(SA_EVENT_DELETE, sas[0]);
	IS(active_tunnels, 5);
	event(SA_EVENT_DELETE, sas[1]);
	poll_of(&sas[2], 5);
	IS(active_tunnels, 4);
	event(SA_EVENT_NEW, in_sa(77));
	IS(active_tunnels, 4);
}

/* Dumps that do not end well. */

TEST(dump_cut_short)
{
	POLL(with_traffic(out_sa(1), 500, 5), with_traffic(out_sa(2), 50, 5));
	begin();
	show(with_traffic(out_sa(1), 600, 6));
	cut_short();
	ck_assert(ledger_wants_dump(ledger));
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 650);
	begin();
	cut_short();
	begin();
	cut_short();
	POLL(with_traffic(out_sa(1), 700, 7), with_traffic(out_sa(2), 60, 6));
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 760);
	ck_assert_uint_eq(totals(0)->losses, 0);
	ck_assert(!ledger_wants_dump(ledger));
}

TEST(first_dump_cut_short)
{
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	cut_short();
	POLL(with_traffic(out_sa(2), 50, 5), with_traffic(out_sa(1), 600, 6));
	life_is(2, 2, 0);
	IS(confidential_bytes_sent, 650);
}

TEST(found_by_a_dump_that_was_cut_short)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	cut_short();
	event(SA_EVENT_NEW, out_sa(1));
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	begin();
	show(with_traffic(out_sa(2), 50, 5));
	cut_short();
	event(SA_EVENT_NEW, out_sa(2));
	event(SA_EVENT_DELETE, with_traffic(out_sa(2), 60, 6));
	POLL(with_traffic(out_sa(1), 600, 6));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 660);
}

/* No event ever told of it; the next dump does not show it. */
TEST(found_by_a_dump_that_was_cut_short_and_flushed)
{
	POLL_NONE();
	begin();
	show(with_traffic(out_sa(1), 500, 5));
	cut_short();
	event_without_sa(SA_EVENT_FLUSH);
	POLL_NONE();
	IS(active_sa, 0);
	IS(active_tunnels, 0);
	IS(confidential_bytes_sent, 500);
	counts_are(0, 0, 0);
}

TEST(nothing_at_all)
{
	for (int i = 0; i < 3; i++) {
		event_without_sa(SA_EVENT_FLUSH);
		POLL_NONE();
	}
	life_is(0, 0, 0);
	counts_are(0, 0, 0);
	ck_assert(!ledger_wants_dump(ledger));
	ledger_free(NULL);
}

/* Save and restore. */

struct saved {
	struct ledger_row rows[ROWS];
	struct ledger_record records[16];
	size_t n;
};

static int keep(void *ctx, const struct ledger_record *record)
{
	struct saved *saved = ctx;

	saved->records[saved->n++] = *record;
	return saved->n == 16 ? -E2BIG : 0;
}

static struct saved save(void)
{
	struct saved saved = {.n = 0};

	for (unsigned i = 0; i < ROWS; i++)
		saved.rows[i] = *totals(i);
	ck_assert_int_eq(ledger_save(ledger, keep, &saved), 0);
	return saved;
}

static void restore(const struct saved *saved)
{
	teardown();
	setup();
	for (unsigned i = 0; i < ROWS; i++)
		ck_assert_int_eq(ledger_restore_row(ledger, i, &saved->rows[i]), 0);
	for (size_t i = 0; i < saved->n; i++)
		ck_assert_int_eq(ledger_restore_sa(ledger, &saved->records[i]), 0);
}

static void restart(void)
{
	const struct saved saved = save();

	restore(&saved);
}

TEST(restart_goes_on)
{
	struct sa sa = with_traffic(in_sa(1), 500, 5);
	struct sa rowed = with_traffic(out_sa(9), 33, 1);

	rowed.reqid = 100;
	sa.replay_protected = true;
	sa.integrity_failed = 3;
	sa.replay = 4;
	sa.replay_window = 5;
	POLL(sa, rowed, with_traffic(out_sa(2), 50, 1), larval(in_sa(3)));
	restart();
	life_is(2, 2, 0);
	IS(active_tunnels, 1);
	IS(pending_key_operations, 0);
	sa.integrity_failed = 4;
	sa.replay = 6;
	POLL(with_traffic(sa, 600, 7), rowed, with_traffic(out_sa(2), 60, 2),
	     larval(in_sa(3)));
	life_is(2, 2, 0);
	IS(confidential_bytes_received, 600);
	IS(confidential_bytes_sent, 60);
	IS(packets_not_authenticated, 4);
	IS(packets_with_replay_detection, 7);
	IS(pending_key_operations, 1);
	ck_assert_uint_eq(totals(0)->replay_failures, 11);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 33);
	ck_assert_uint_eq(totals(1)->stats.key_additions, 1);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

/* Published while the daemon was away: likely the same SA, but not surely. */
TEST(restart_with_publications_in_between)
{
	POLL(published(out_sa(1), T0, 500));
	POLL(published(out_sa(1), T0 + 5, 600));
	restart();
	POLL(published(out_sa(1), T0 + 5, 700));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	nothing_is_lost();
	restart();
	POLL(published(out_sa(1), T0 + 9, 800));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 800);
	ck_assert_uint_eq(totals(0)->losses, 1);
	restart();
	POLL(published(out_sa(1), T0 + 11, 50));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 850);
	ck_assert_uint_eq(totals(0)->losses, 2);
}

/* The saved order holds, whatever times they show. */
TEST(restart_keeps_the_births)
{
	struct sa old = published(out_sa(1), T0 + 1000, 100);
	struct sa young = out_sa(2);

	young.add_time += 60;
	POLL(young, out_sa(1));
	POLL(young, old);
	restart();
	POLL(young, old);
	POLL(with_traffic(young, 10, 1), old);
	for (int i = 0; i < 2; i++) {
		struct sa *sa = i ? &old : &young;
		struct sa to = moved(*sa, "10.0.0.2", "192.0.2.9");

		event(SA_EVENT_DELETE, *sa);
		event(SA_EVENT_NEW, to);
		*sa = to;
	}
	POLL(old, young);
	event(SA_EVENT_DELETE, old);
	POLL(young);
	IS(rekeys, 1);
	IS(active_sa, 1);
}

/* Of a namespace that was out of sight: see ledger_end(). */
TEST(readmitted_and_published)
{
	struct saved saved;

	POLL(published(out_sa(1), T0, 500));
	POLL(published(out_sa(1), T0 + 3, 600));
	saved = save();
	ck_assert_uint_eq(saved.n, 1);
	ledger_end(ledger);
	life_is(0, 1, 1);
	ck_assert_uint_eq(totals(0)->losses, 1);
	ck_assert_int_eq(ledger_readmit_sa(ledger, &saved.records[0]), 0);
	POLL(published(out_sa(1), T0 + 7, 800));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 800);
	ck_assert_uint_eq(totals(0)->losses, 2);
}

TEST(restart_with_changes_in_between)
{
	POLL(with_traffic(out_sa(1), 500, 5), with_traffic(out_sa(2), 50, 1));
	restart();
	POLL(with_traffic(out_sa(3), 7, 1), with_traffic(out_sa(2), 60, 2));
	POLL(with_traffic(out_sa(3), 7, 1), with_traffic(out_sa(2), 60, 2));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 567);
	ck_assert_uint_eq(totals(0)->losses, 1);
}

/* Its DELSA was read, its deletion is not counted yet. */
TEST(restart_with_one_leaving)
{
	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	restart();
	POLL_NONE();
	POLL_NONE();
	life_is(0, 1, 1);
	IS(confidential_bytes_sent, 600);
}

TEST(restart_keeps_siblings)
{
	struct sa young = younger_out(2);

	young.pcpu = 3;
	young.selector = 99;
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_NEW, younger_out(3));
	event(SA_EVENT_NEW, young);
	restart();
	POLL(young, younger_out(3), out_sa(1));
	event(SA_EVENT_DELETE, out_sa(1));
	event(SA_EVENT_DELETE, younger_out(3));
	POLL(young);
	IS(rekeys, 1);
	IS(active_tunnels, 1);
	life_is(1, 3, 2);
}

/* Which of two made in one second is the younger must outlive the restart. */
TEST(restart_keeps_the_order_of_a_second)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(9));
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, out_sa(9));
	POLL(out_sa(1));
	event(SA_EVENT_NEW, out_sa(2)); /* takes the place that 9 has left */
	POLL(out_sa(2), out_sa(1));
	IS(rekeys, 1);
	restart();
	POLL(out_sa(2), out_sa(1));
	event(SA_EVENT_DELETE, out_sa(1));
	POLL(out_sa(2));
	IS(rekeys, 2);
	event(SA_EVENT_DELETE, out_sa(2));
	POLL_NONE();
	IS(rekeys, 2);
}

TEST(restart_with_unknown_direction)
{
	blind = true;
	POLL(with_traffic(out_sa(1), 500, 5));
	restart();
	blind = false;
	POLL(with_traffic(out_sa(1), 600, 6));
	IS(confidential_bytes_sent, 600);
	life_is(1, 1, 0);
}

/* Until LEDGER_MOVE_NS have passed since its DELSA, whatever dumps there are. */
TEST(departing_for_a_while)
{
	POLL(out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	poll_interval = LEDGER_MOVE_NS - 2;
	POLL_NONE();
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	counts_are(0, 0, 0);
	poll_interval = 1;
	POLL_NONE();
	life_is(1, 1, 0);
	ck_assert(!ledger_wants_dump(ledger));
	begin();
	cut_short();
	life_is(0, 1, 1);
}

/* The other half of a move comes within that time, or too late: then it is a new SA,
 * and what it was born with has been counted; but not for longer than five seconds. */
TEST(newsa_after_its_departure)
{
	static const struct {
		uint64_t later;
		unsigned additions, deletions, bytes;
	} times[] = {
	    {LEDGER_MOVE_NS - 1, 1, 0, 600},
	    {LEDGER_MOVE_NS, 2, 1, 600},
	    {UINT64_C(5000000000), 2, 1, 600},
	    {UINT64_C(5000000001), 2, 1, 1200},
	};
	struct sa to = with_traffic(moved(out_sa(1), "10.0.0.2", "192.0.2.1"), 600, 6);

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		teardown();
		setup();
		POLL(out_sa(1));
		event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
		poll_interval = times[i].later - 1;
		POLL_NONE();
		poll_interval = 1;
		POLL_NONE();
		event(SA_EVENT_NEW, to);
		POLL(to);
		life_is(1, times[i].additions, times[i].deletions);
		IS(confidential_bytes_sent, times[i].bytes);
	}
}

/* Saved before its deletion was counted: its DELSA has told all, so nothing is lost. A
 * departed SA of its group, if there is one, is not saved. */
TEST(restored_after_its_delsa)
{
	struct saved saved;
	struct sa young = out_sa(2);

	young.add_time++;
	POLL(with_traffic(out_sa(1), 500, 5));
	poll_interval = 0;
	event(SA_EVENT_NEW, young);
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL(young);
	life_is(2, 2, 0);
	ck_assert(!ledger_wants_dump(ledger));
	saved = save();
	restore(&saved);
	POLL(young);
	life_is(1, 2, 1);
	IS(rekeys, 1);
	IS(confidential_bytes_sent, 600);
	ck_assert_uint_eq(totals(0)->losses, 0);
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 7, 1));
	saved = save();
	ck_assert_uint_eq(saved.n, 2);
	restore(&saved);
	POLL(young);
	life_is(1, 3, 2);
	IS(confidential_bytes_sent, 607);
	IS(rekeys, 1);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

/* The DELSA was the first half of a move. */
TEST(restored_amid_a_move)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.1");
	struct saved saved;

	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	saved = save();
	restore(&saved);
	POLL(with_traffic(to, 700, 7));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	ck_assert_uint_eq(totals(0)->losses, 0);
}

TEST(records_that_cannot_have_been_saved)
{
	struct saved saved;
	struct ledger_record bad;

	POLL(with_traffic(out_sa(1), 500, 5));
	saved = save();
	ck_assert_uint_eq(saved.n, 1);
	teardown();
	setup();
	bad = saved.records[0];
	bad.row = ROWS;
	ck_assert_int_eq(ledger_restore_sa(ledger, &bad), -EINVAL);
	bad = saved.records[0];
	bad.family = AF_UNIX;
	ck_assert_int_eq(ledger_restore_sa(ledger, &bad), -EINVAL);
	bad = saved.records[0];
	bad.proto = IPPROTO_COMP;
	ck_assert_int_eq(ledger_restore_sa(ledger, &bad), -EINVAL);
	bad = saved.records[0];
	bad.direction = 3;
	ck_assert_int_eq(ledger_restore_sa(ledger, &bad), -EINVAL);
	bad = saved.records[0];
	bad.replay_protected = 2;
	ck_assert_int_eq(ledger_restore_sa(ledger, &bad), -EINVAL);
	ck_assert_int_eq(ledger_restore_row(ledger, ROWS, &saved.rows[0]), -EINVAL);
	life_is(0, 0, 0);
}

TEST(saving_stops_at_the_first_error)
{
	struct saved saved = {.n = 14};

	POLL(out_sa(1), out_sa(2), out_sa(3));
	ck_assert_int_eq(ledger_save(ledger, keep, &saved), -E2BIG);
	ck_assert_uint_eq(saved.n, 16);
}

TEST(many_sas)
{
	enum { MANY = 5000 };

	POLL_NONE();
	for (uint32_t i = 1; i <= MANY; i++) {
		struct sa sa = i % 2 ? in_sa(i) : out_sa(i);

		sa.reqid = 1 + i % 37;
		sa.add_time += i / 100;
		event(SA_EVENT_NEW, sa);
	}
	begin();
	for (uint32_t i = MANY; i > 0; i--) {
		struct sa sa = with_traffic(i % 2 ? in_sa(i) : out_sa(i), i, 1);

		sa.reqid = 1 + i % 37;
		sa.add_time += i / 100;
		show(sa);
	}
	finish();
	life_is(MANY, MANY, 0);
	IS(active_tunnels, 37);
	counts_are(MANY, 0, 0);
	ck_assert_uint_eq(totals(0)->stats.confidential_bytes_sent +
			      totals(0)->stats.confidential_bytes_received,
			  (uint64_t)MANY * (MANY + 1) / 2);
	for (uint32_t i = 1; i <= MANY; i++) {
		struct sa sa = with_traffic(i % 2 ? in_sa(i) : out_sa(i), i + 1, 1);

		sa.reqid = 1 + i % 37;
		sa.add_time += i / 100;
		event(SA_EVENT_DELETE, sa);
	}
	POLL_NONE();
	life_is(0, MANY, MANY);
	IS(rekeys, MANY / 2 - 37);
	IS(active_tunnels, 0);
	counts_are(0, 0, 0);
}

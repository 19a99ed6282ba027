/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

#include <errno.h>

/* The ledger over a restart. */

CHAPTER(ledger_setup, ledger_teardown);

struct saved {
	struct ledger_account others[ROWS];
	struct ledger_sa sas[16];
	size_t n;
};

static struct saved save(void)
{
	struct saved saved = {.n = ledger_count_sas(ledger)};

	for (unsigned i = 0; i < ROWS; i++)
		saved.others[i] = ledger_copy_other(ledger, i);
	ck_assert_uint_le(saved.n, 16);
	ck_assert_uint_eq(ledger_copy_sas(ledger, saved.sas), saved.n);
	return saved;
}

/* Saves the ledger and restores a new one from that. Returns how many SAs were saved.
 */
static size_t restart(void)
{
	const struct saved saved = save();

	ledger_again();
	for (unsigned i = 0; i < ROWS; i++)
		ck_assert_int_eq(ledger_restore_other(ledger, &saved.others[i]), 0);
	for (size_t i = 0; i < saved.n; i++)
		ck_assert_int_eq(ledger_restore_sa(ledger, &saved.sas[i], NULL), 0);
	ck_assert(ledger_is_complete(ledger));
	return saved.n;
}

TEST(restart_continues_the_counters)
{
	struct sa sa = with_traffic(in_sa(1), 500, 5);
	struct sa rowed = with_traffic(out_sa(9), 33, 1);

	rowed.reqid = 100;
	sa.replay_protected = true;
	sa.sample.integrity_failed = 3;
	sa.sample.replay = 4;
	sa.sample.replay_window = 5;
	POLL(sa, rowed, with_traffic(out_sa(2), 50, 1), larval(in_sa(3)));
	restart();
	life_is(2, 2, 0);
	IS(active_sa, 2);
	IS(active_tunnels, 1);
	IS(pending_key_operations, 1);
	sa.sample.integrity_failed = 4;
	sa.sample.replay = 6;
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
	losses_are(0);
}

/* A publication while the daemon was down: the SA is probably the same. */
TEST(restart_with_publications_in_between)
{
	POLL(published(out_sa(1), T0, 500));
	POLL(published(out_sa(1), T0 + 5, 600));
	restart();
	POLL(published(out_sa(1), T0 + 5, 700));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	losses_are(0);
	restart();
	POLL(published(out_sa(1), T0 + 9, 800));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 800);
	losses_are(1);
	restart();
	POLL(published(out_sa(1), T0 + 11, 50));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 850);
	losses_are(2);
}

/* The saved order of siblings holds, whatever add_time they show. */
TEST(restart_keeps_the_order_of_published_sas)
{
	struct sa old = published(out_sa(1), T0 + 1000, 100);
	struct sa young = out_sa(2);

	young.add_time += 60;
	POLL(young, out_sa(1));
	POLL(young, old);
	restart();
	POLL(young, old);
	POLL(with_traffic(young, 10, 1), old);
	young = move(young, "10.0.0.2", "192.0.2.9");
	old = move(old, "10.0.0.2", "192.0.2.9");
	POLL(old, young);
	event(SA_EVENT_DELETE, old);
	POLL(young);
	IS(rekeys, 1);
	IS(active_sa, 1);
}

/* The SAs of a namespace that could not be read for a while: see ledger_end(). */
TEST(readmitted_and_published)
{
	struct saved saved;

	POLL(published(out_sa(1), T0, 500));
	POLL(published(out_sa(1), T0 + 3, 600));
	saved = save();
	ck_assert_uint_eq(saved.n, 1);
	ledger_end(ledger, now);
	life_is(0, 1, 1);
	losses_are(1);
	ck_assert_int_eq(ledger_readmit_sas(ledger, saved.sas, 1), 0);
	POLL(published(out_sa(1), T0 + 7, 800));
	life_is(1, 2, 1);
	IS(confidential_bytes_sent, 800);
	losses_are(2);
}

TEST(restart_with_changes_in_between)
{
	POLL(with_traffic(out_sa(1), 500, 5), with_traffic(out_sa(2), 50, 1));
	restart();
	POLL(with_traffic(out_sa(3), 7, 1), with_traffic(out_sa(2), 60, 2));
	POLL(with_traffic(out_sa(3), 7, 1), with_traffic(out_sa(2), 60, 2));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 567);
	losses_are(1);
}

/* DELSA was read, but the deletion does not count yet. */
TEST(restart_with_a_departing_sa)
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

static void restart_with_a_rekey_in_between(struct sa old)
{
	POLL(old);
	restart();
	for (int i = 0; i < 3; i++)
		POLL(out_sa(2));
	life_is(1, 2, 1);
	IS(rekeys, 1);
}

TEST(restart_with_a_rekey_in_between_and_an_earlier_clock)
{
	restart_with_a_rekey_in_between(younger_out(1));
}

TEST(restart_with_a_rekey_in_between_within_a_second)
{
	restart_with_a_rekey_in_between(out_sa(1));
}

/* The order of two SAs of the same second survives the restart. */
TEST(restart_keeps_the_order_of_a_second)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(9));
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, out_sa(9));
	POLL(out_sa(1));
	event(SA_EVENT_NEW, out_sa(2)); /* reuses the entry of 9 */
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

/* Its deletion was not counted before the save. DELSA showed the final counters, so
 * nothing is lost. A deleted sibling is not saved. */
TEST(restored_after_its_delsa)
{
	struct sa young = out_sa(2);

	young.add_time++;
	POLL(with_traffic(out_sa(1), 500, 5));
	poll_interval = 0;
	event(SA_EVENT_NEW, young);
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	POLL(young);
	life_is(2, 2, 0);
	ck_assert(!ledger_wants_dump(ledger));
	restart();
	POLL(young);
	life_is(1, 2, 1);
	IS(rekeys, 1);
	IS(confidential_bytes_sent, 600);
	losses_are(0);
	event(SA_EVENT_NEW, out_sa(1));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 7, 1));
	ck_assert_uint_eq(restart(), 2);
	POLL(young);
	life_is(1, 3, 2);
	IS(confidential_bytes_sent, 607);
	IS(rekeys, 1);
	losses_are(0);
}

/* DELSA was the first message of a move. */
TEST(restored_during_a_move)
{
	struct sa to = moved(out_sa(1), "10.0.0.2", "192.0.2.1");

	POLL(with_traffic(out_sa(1), 500, 5));
	event(SA_EVENT_DELETE, with_traffic(out_sa(1), 600, 6));
	restart();
	POLL(with_traffic(to, 700, 7));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 700);
	losses_are(0);
}

/* The kernel accepts one ("ip xfrm state add ... spi 0"). It is identified like an ACQ
 * entry, by the sequence number of its negotiation. */
TEST(restored_with_an_spi_of_zero)
{
	struct sa sa = with_traffic(out_sa(0), 500, 5);

	sa.acquire = true;
	POLL(sa);
	ck_assert_uint_eq(restart(), 1);
	POLL(with_traffic(sa, 600, 6));
	life_is(1, 1, 0);
	IS(confidential_bytes_sent, 600);
	losses_are(0);
}

/* The offset of a byte of a saved SA, and a value that it cannot have. */
TEST(sas_that_cannot_have_been_saved)
{
	static const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
	    {offsetof(struct ledger_sa, row), ROWS},
	    {offsetof(struct ledger_sa, direction), 3},
	    {offsetof(struct ledger_sa, departing), 2},
	    {offsetof(struct ledger_sa, rekeyed), 2},
	    {offsetof(struct ledger_sa, sa.family), AF_UNIX},
	    {offsetof(struct ledger_sa, sa.proto), IPPROTO_COMP},
	    {offsetof(struct ledger_sa, sa.declared), 3},
	    {offsetof(struct ledger_sa, sa.sequence), 3},
	    {offsetof(struct ledger_sa, sa.acquire), 2},
	    {offsetof(struct ledger_sa, sa.keyed), 2},
	    {offsetof(struct ledger_sa, sa.replay_protected), 2},
	};
	struct saved saved;

	POLL(with_traffic(out_sa(1), 500, 5));
	saved = save();
	ck_assert_uint_eq(saved.n, 1);
	ledger_again();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct ledger_sa sa = saved.sas[0];

		((uint8_t *)&sa)[bad[i].at] = bad[i].value;
		ck_assert_msg(ledger_restore_sa(ledger, &sa, NULL) == -EINVAL, "%zu",
			      i);
	}
	saved.others[0].totals.stats.tunnel_bytes_sent++;
	ck_assert_int_eq(ledger_restore_other(ledger, &saved.others[0]), -EINVAL);
	saved.others[0].totals.stats.tunnel_bytes_sent--;
	saved.others[0].row = ROWS;
	ck_assert_int_eq(ledger_restore_other(ledger, &saved.others[0]), -EINVAL);
	life_is(0, 0, 0);
}

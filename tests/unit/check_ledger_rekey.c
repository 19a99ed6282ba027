/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

#include <linux/xfrm.h>

CHAPTER(ledger_setup, ledger_teardown);

/* ReKeys: an SA ends while a younger sibling exists. */

/* Both SAs exist, then old is deleted. Returns the rekeys that this counted. */
static uint64_t rekeys_when_deleted(struct sa old, struct sa young)
{
	uint64_t rekeys;

	ledger_again();
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
	ck_assert_uint_eq(rekeys_when_deleted(out_sa(1), younger_out(2)), 1);
	life_is(1, 2, 1);
	IS(active_tunnels, 1);
}

TEST(rekey_within_a_second)
{
	ck_assert_uint_eq(rekeys_when_deleted(out_sa(1), out_sa(2)), 1);
}

TEST(rekey_is_counted_outbound_only)
{
	struct sa young = in_sa(2);

	young.add_time += 60;
	ck_assert_uint_eq(rekeys_when_deleted(in_sa(1), young), 0);
}

TEST(rekey_needs_a_reqid)
{
	struct sa old = out_sa(1);
	struct sa young = younger_out(2);

	old.reqid = young.reqid = 0;
	ck_assert_uint_eq(rekeys_when_deleted(old, young), 0);
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
		ck_assert_msg(rekeys_when_deleted(out_sa(1), young[i]) == 0, "%zu", i);
}

/* The order of events is true even if the wall clock is set back. */
TEST(rekey_while_the_clock_steps_back)
{
	ck_assert_uint_eq(rekeys_when_deleted(younger_out(2), out_sa(1)), 1);
}

/* The messages of the rekey are lost, some or all, and the young SA has the earlier
 * add_time. */
TEST(rekey_with_lost_messages_after_the_clock_stepped_back)
{
	for (int named = 0; named <= 1; named++) {
		ledger_again();
		POLL(younger_out(1));
		if (named)
			event(SA_EVENT_NEW, out_sa(2));
		ledger_note_gap(ledger);
		for (int i = 0; i < 3; i++)
			POLL(out_sa(2));
		life_is(1, 2, 1);
		IS(rekeys, 1);
	}
}

/* The same within one second, the older SA known by its NEWSA. */
TEST(rekey_with_lost_messages_within_a_second)
{
	POLL_NONE();
	event(SA_EVENT_NEW, out_sa(1));
	ledger_note_gap(ledger);
	for (int i = 0; i < 3; i++)
		POLL(out_sa(2));
	life_is(1, 2, 1);
	IS(rekeys, 1);
}

/* Both end, then only one. */
TEST(rekeys_with_lost_messages_after_the_clock_stepped_back_twice)
{
	struct sa youngest = out_sa(3);

	youngest.add_time -= 60;
	POLL(younger_out(1));
	event(SA_EVENT_NEW, out_sa(2));
	POLL(out_sa(2), younger_out(1));
	ledger_note_gap(ledger);
	for (int i = 0; i < 3; i++)
		POLL(youngest);
	life_is(1, 3, 2);
	IS(rekeys, 2);
}

/* The older SA goes on. */
TEST(lost_end_of_the_younger_sa_after_the_clock_stepped_back)
{
	POLL(younger_out(1));
	event(SA_EVENT_NEW, out_sa(2));
	ledger_note_gap(ledger);
	for (int i = 0; i < 3; i++)
		POLL(younger_out(1));
	life_is(1, 2, 1);
	IS(rekeys, 0);
}

TEST(older_sa_that_outlives_the_younger)
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

/* A dump shows the youngest SA first. All are of the same second. */
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

/* Likewise the SAs that only a later dump shows, whichever entries are reused. */
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

/* Likewise beside an older SA that was known before. */
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

/* Per-CPU SAs exist beside each other; none replaces another. */
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

#include <linux/xfrm.h>

/* The columns in which an SA counts: bytes, errors, tunnels. */

CHAPTER(ledger_setup, ledger_teardown);

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

		ledger_again();
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
	event(SA_EVENT_DELETE, with_traffic(comp, 2000, 2)); /* unknown */
	hard_expire(with_traffic(helper, 2000, 2));
	POLL_NONE();
	life_is(0, 0, 0);
	losses_are(0);
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

TEST(errors_are_added)
{
	struct sa sa = in_sa(1);

	POLL_NONE();
	event(SA_EVENT_NEW, sa);
	sa.sample.integrity_failed = 3;
	sa.sample.replay = 5;
	sa.sample.replay_window = 7;
	POLL(sa);
	IS(packets_not_authenticated, 3);
	ck_assert_uint_eq(totals(0)->replay_failures, 12);
	sa.sample.integrity_failed = 4;
	sa.sample.replay = 6;
	sa.sample.replay_window = 8;
	event(SA_EVENT_DELETE, sa);
	POLL_NONE();
	IS(packets_not_authenticated, 4);
	ck_assert_uint_eq(totals(0)->replay_failures, 14);
}

TEST(errors_wrap_at_32_bits)
{
	struct sa sa = in_sa(1);

	POLL(sa);
	sa.sample.integrity_failed = sa.sample.replay = UINT32_MAX / 2;
	POLL(sa);
	sa.sample.integrity_failed = UINT32_MAX - 1;
	sa.sample.replay = UINT32_MAX - 5;
	POLL(sa);
	IS(packets_not_authenticated, UINT32_MAX - 1);
	sa.sample.integrity_failed = 3;
	sa.sample.replay = 4;
	POLL(sa);
	IS(packets_not_authenticated, UINT32_MAX + UINT64_C(4));
	ck_assert_uint_eq(totals(0)->replay_failures, UINT32_MAX + UINT64_C(5));
}

TEST(errors_that_start_again)
{
	struct sa sa = in_sa(1);

	sa.sample.integrity_failed = 1000;
	POLL(sa);
	sa.sample.integrity_failed = 3;
	POLL(sa);
	IS(packets_not_authenticated, 1003);
}

/* A dump that is cut short shows the SA, which has more errors at the next dump. */
TEST(errors_of_an_sa_shown_twice)
{
	struct sa sa = in_sa(1);

	POLL_NONE();
	sa.sample.integrity_failed = 3;
	begin();
	show(sa);
	cut_short();
	sa.sample.integrity_failed = 5;
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

/* UPDSA can change the replay window, but only the next dump shows it. */
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

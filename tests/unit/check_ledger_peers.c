/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

/* The accounts of peers: who counts where, and which are folded. */

#define SECOND UINT64_C(1000000000)

static void configure(uint32_t max_peers, const char *line)
{
	struct peer_config config = peer_config_default;
	char error[200];

	config.enabled = max_peers > 0;
	config.max_peers = max_peers;
	if (line)
		ck_assert_int_eq(
		    peer_config_add_line(&config, line, error, sizeof(error)), 0);
	ledger_configure_peers(ledger, &config);
}

static void setup(void)
{
	ledger_setup();
	configure(3, NULL);
}

/* The account of a row by its name; NULL: there is none. */
static const struct account *account_in(unsigned row, const char *name)
{
	struct account *const *peers;
	size_t n;

	if (!strcmp(name, PEER_OTHER))
		return ledger_other(ledger, row);
	peers = ledger_peers(ledger, row, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(peers[i]->name, name))
			return peers[i];
	return NULL;
}

static const struct account *account(const char *name)
{
	const struct account *found = account_in(0, name);

	ck_assert_msg(found != NULL, "there is no peer %s", name);
	return found;
}

static uint64_t sent(const char *name)
{
	return account(name)->totals.stats.confidential_bytes_sent;
}

static void keys_are(const char *name, uint64_t active, uint64_t additions,
		     uint64_t deletions)
{
	const struct stats *stats = &account(name)->totals.stats;

	ck_assert_uint_eq(stats->active_sa, active);
	ck_assert_uint_eq(stats->key_additions, additions);
	ck_assert_uint_eq(stats->key_deletions, deletions);
}

static struct sa out_to(const char *daddr, uint32_t spi, uint64_t bytes)
{
	return with_traffic(sa_of("10.0.0.1", daddr, spi), bytes, (bytes + 99) / 100);
}

/* A peer that had one SA, which carried so many bytes. */
static void come_and_go(const char *daddr, uint64_t bytes)
{
	const struct sa sa = out_to(daddr, 77, bytes);

	POLL(sa);
	event(SA_EVENT_DELETE, sa);
	POLL_NONE();
}

CHAPTER(setup, ledger_teardown);

TEST(each_peer_counts_for_itself)
{
	POLL(out_to("192.0.2.1", 1, 100), with_traffic(in_sa(2), 30, 1),
	     out_to("192.0.2.9", 3, 500));
	keys_are("192.0.2.1", 2, 2, 0);
	keys_are("192.0.2.9", 1, 1, 0);
	ck_assert_uint_eq(sent("192.0.2.1"), 100);
	ck_assert_uint_eq(
	    account("192.0.2.1")->totals.stats.confidential_bytes_received, 30);
	ck_assert_uint_eq(account("192.0.2.1")->totals.stats.active_tunnels, 1);
	ck_assert_uint_eq(account("192.0.2.1")->totals.packets_sent, 1);
	ck_assert_uint_eq(account("192.0.2.9")->totals.packets_sent, 5);
	ck_assert_uint_eq(sent("192.0.2.9"), 500);
	ck_assert_uint_eq(totals(0)->packets_sent, 6);
	ck_assert_uint_eq(totals(0)->packets_received, 1);
	IS(confidential_bytes_sent, 600);
	IS(active_tunnels, 2);
	life_is(3, 3, 0);
}

TEST(a_peer_of_two_rows)
{
	struct sa sa = out_to("192.0.2.1", 2, 40);

	sa.reqid = 100;
	POLL(out_to("192.0.2.1", 1, 100), sa);
	ck_assert_uint_eq(sent("192.0.2.1"), 100);
	ck_assert_uint_eq(
	    account_in(1, "192.0.2.1")->totals.stats.confidential_bytes_sent, 40);
	ck_assert_uint_eq(ledger_count_peers(ledger), 2);
}

TEST(a_rekey_counts_for_the_peer)
{
	POLL(out_to("192.0.2.1", 1, 100));
	event(SA_EVENT_NEW, younger_out(2));
	event(SA_EVENT_DELETE, out_to("192.0.2.1", 1, 150));
	POLL(with_traffic(younger_out(2), 10, 1));
	keys_are("192.0.2.1", 1, 2, 1);
	ck_assert_uint_eq(account("192.0.2.1")->totals.stats.rekeys, 1);
	ck_assert_uint_eq(sent("192.0.2.1"), 160);
}

/* MOBIKE: the past stays with the old address, the future goes to the new one. */
TEST(the_peer_moves)
{
	struct sa to;
	uint64_t before;

	POLL(out_to("192.0.2.1", 1, 500));
	before = account("192.0.2.1")->discontinuity;
	to = move(out_to("192.0.2.1", 1, 600), "10.0.0.1", "192.0.2.2");
	POLL(with_traffic(to, 650, 7));
	ck_assert_uint_eq(sent("192.0.2.1"), 600);
	ck_assert_uint_eq(sent("192.0.2.2"), 50);
	keys_are("192.0.2.1", 0, 0, 0);
	keys_are("192.0.2.2", 1, 1, 0);
	life_is(1, 1, 0);
	ck_assert_uint_eq(account("192.0.2.1")->discontinuity, now);
	ck_assert_uint_lt(before, now);
}

/* MIGRATE shows no counters: the past of an SA ends with the dump that follows. */
TEST(the_peer_migrates)
{
	struct sa from = out_to("192.0.2.1", 1, 500);
	struct sa to = out_to("192.0.2.2", 1, 800);

	from.sample.integrity_failed = 10;
	to.sample.integrity_failed = 2;
	POLL(from);
	event_without_sa(SA_EVENT_MIGRATE);
	POLL(to);
	ck_assert_uint_eq(sent("192.0.2.1"), 800);
	ck_assert_uint_eq(account("192.0.2.1")->totals.packets_sent, 8);
	ck_assert_uint_eq(sent("192.0.2.2"), 0);
	keys_are("192.0.2.1", 0, 0, 0);
	keys_are("192.0.2.2", 1, 1, 0);
	POLL(with_traffic(to, 850, 9));
	ck_assert_uint_eq(sent("192.0.2.1"), 800);
	ck_assert_uint_eq(sent("192.0.2.2"), 50);
	ck_assert_uint_eq(account("192.0.2.2")->totals.packets_sent, 1);
	IS(confidential_bytes_sent, 850);
	IS(packets_not_authenticated, 12);
	life_is(1, 1, 0);
	losses_are(0);
}

TEST(this_host_moves)
{
	uint64_t before;
	struct sa to;

	POLL(out_to("192.0.2.1", 1, 500));
	before = account("192.0.2.1")->discontinuity;
	to = move(out_to("192.0.2.1", 1, 600), "10.0.0.2", "192.0.2.1");
	POLL(with_traffic(to, 650, 7));
	ck_assert_uint_eq(sent("192.0.2.1"), 650);
	keys_are("192.0.2.1", 1, 1, 0);
	ck_assert_uint_eq(account("192.0.2.1")->discontinuity, before);
}

/* Its bytes wait for its direction, and then they are the peer's. */
TEST(an_sa_of_unknown_direction_waits_in_other)
{
	blind = true;
	POLL(out_to("192.0.2.1", 1, 500));
	ck_assert_ptr_null(account_in(0, "192.0.2.1"));
	keys_are(PEER_OTHER, 1, 1, 0);
	blind = false;
	POLL(out_to("192.0.2.1", 1, 600));
	keys_are(PEER_OTHER, 0, 0, 0);
	keys_are("192.0.2.1", 1, 1, 0);
	ck_assert_uint_eq(sent("192.0.2.1"), 600);
	life_is(1, 1, 0);
}

TEST(the_longest_idle_peer_is_folded)
{
	come_and_go("192.0.2.1", 100);
	come_and_go("192.0.2.2", 20);
	come_and_go("192.0.2.1", 7); /* not the longest any more */
	come_and_go("192.0.2.3", 3);
	ck_assert_uint_eq(sent(PEER_OTHER), 0);
	POLL(out_to("192.0.2.4", 4, 1));
	ck_assert_ptr_null(account_in(0, "192.0.2.2"));
	ck_assert_uint_eq(sent("192.0.2.1"), 107);
	ck_assert_uint_eq(sent(PEER_OTHER), 20);
	keys_are(PEER_OTHER, 0, 1, 1);
	ck_assert_uint_eq(account(PEER_OTHER)->discontinuity, now);
	IS(confidential_bytes_sent, 131);
	come_and_go("192.0.2.2", 9); /* it begins again */
	ck_assert_uint_eq(sent("192.0.2.2"), 9);
	ck_assert_uint_eq(ledger_count_peers(ledger), 3);
	IS(confidential_bytes_sent, 140);
}

TEST(without_room_an_sa_counts_for_other)
{
	POLL(out_to("192.0.2.1", 1, 1), out_to("192.0.2.2", 2, 2),
	     out_to("192.0.2.3", 3, 3), out_to("192.0.2.4", 4, 40));
	ck_assert_uint_eq(ledger_count_peers(ledger), 3);
	keys_are(PEER_OTHER, 1, 1, 0);
	IS(confidential_bytes_sent, 46);
	IS(active_tunnels, 4);
	ck_assert_uint_eq(account(PEER_OTHER)->totals.stats.active_tunnels, 1);
}

/* A tunnel counts once for its row, though only one of its SAs found room. */
TEST(a_tunnel_of_two_accounts)
{
	POLL(out_to("192.0.2.1", 1, 1), out_to("192.0.2.2", 2, 1),
	     out_to("192.0.2.3", 3, 1));
	event(SA_EVENT_NEW, out_to("192.0.2.4", 4, 0));
	event(SA_EVENT_DELETE, out_to("192.0.2.1", 1, 1));
	POLL(out_to("192.0.2.2", 2, 1), out_to("192.0.2.3", 3, 1),
	     out_to("192.0.2.4", 4, 0));
	event(SA_EVENT_NEW, out_to("192.0.2.4", 5, 0));
	POLL(out_to("192.0.2.2", 2, 1), out_to("192.0.2.3", 3, 1),
	     out_to("192.0.2.4", 4, 0), out_to("192.0.2.4", 5, 0));
	keys_are("192.0.2.4", 1, 1, 0);
	keys_are(PEER_OTHER, 1, 2, 1);
	IS(active_tunnels, 3);
	ck_assert_uint_eq(account("192.0.2.4")->totals.stats.active_tunnels, 1);
}

TEST(a_negotiation_takes_no_peers_room)
{
	come_and_go("192.0.2.1", 1);
	come_and_go("192.0.2.2", 1);
	POLL(larval(out_to("192.0.2.3", 3, 0)), larval(out_to("192.0.2.4", 4, 0)));
	ck_assert_uint_eq(account("192.0.2.3")->totals.stats.pending_key_operations, 1);
	ck_assert_uint_eq(account(PEER_OTHER)->totals.stats.pending_key_operations, 1);
	IS(pending_key_operations, 2);
	ck_assert_uint_eq(sent("192.0.2.1"), 1);
	POLL_NONE(); /* a peer that has counted nothing is forgotten */
	ck_assert_ptr_null(account_in(0, "192.0.2.3"));
	IS(pending_key_operations, 0);
}

TEST(a_prefix_is_one_peer)
{
	configure(3, "192.0.2.0/24 warriors");
	POLL(out_to("192.0.2.1", 1, 100), out_to("192.0.2.9", 2, 11),
	     out_to("198.51.100.1", 3, 5));
	ck_assert_uint_eq(sent("192.0.2.0/24"), 111);
	keys_are("192.0.2.0/24", 2, 2, 0);
	ck_assert_uint_eq(sent("198.51.100.1"), 5);
	move(out_to("192.0.2.1", 1, 100), "10.0.0.1", "192.0.2.77");
	POLL(out_to("192.0.2.77", 1, 130), out_to("192.0.2.9", 2, 11),
	     out_to("198.51.100.1", 3, 5));
	keys_are("192.0.2.0/24", 2, 2, 0);
	ck_assert_uint_eq(sent("192.0.2.0/24"), 141);
}

/* A reload: the peers in a new prefix become one, SAs included. */
TEST(peers_are_merged)
{
	const struct sa one = out_to("192.0.2.1", 1, 100);
	const struct sa two = out_to("192.0.2.2", 2, 20);

	POLL(one, two, out_to("198.51.100.1", 3, 5));
	configure(3, "192.0.2.0/24 warriors");
	ck_assert_uint_eq(sent("192.0.2.0/24"), 120);
	ck_assert_ptr_null(account_in(0, "192.0.2.1"));
	event(SA_EVENT_DELETE, with_traffic(one, 130, 2));
	POLL(with_traffic(two, 21, 1), out_to("198.51.100.1", 3, 5));
	keys_are("192.0.2.0/24", 1, 2, 1);
	ck_assert_uint_eq(sent("192.0.2.0/24"), 151);
	IS(confidential_bytes_sent, 156);
	configure(3, NULL); /* its SAs stay with it, new ones do not */
	event(SA_EVENT_NEW, out_to("192.0.2.2", 9, 0));
	POLL(two, out_to("192.0.2.2", 9, 7), out_to("198.51.100.1", 3, 5));
	keys_are("192.0.2.0/24", 1, 2, 1);
	ck_assert_uint_eq(sent("192.0.2.2"), 7);
}

TEST(peers_are_turned_off)
{
	POLL(out_to("192.0.2.1", 1, 100), out_to("192.0.2.2", 2, 20));
	configure(0, NULL);
	ck_assert_uint_eq(ledger_count_peers(ledger), 0);
	keys_are(PEER_OTHER, 2, 2, 0);
	event(SA_EVENT_DELETE, out_to("192.0.2.1", 1, 101));
	POLL(out_to("192.0.2.2", 2, 22), out_to("192.0.2.3", 3, 1));
	life_is(2, 3, 1);
	IS(confidential_bytes_sent, 124);
	configure(3, NULL);
	POLL(out_to("192.0.2.2", 2, 22), out_to("192.0.2.3", 3, 1));
	keys_are(PEER_OTHER, 2, 3, 1);
}

TEST(room_for_fewer)
{
	come_and_go("192.0.2.1", 1);
	come_and_go("192.0.2.2", 2);
	POLL(out_to("192.0.2.3", 3, 4));
	configure(1, NULL);
	ck_assert_uint_eq(ledger_count_peers(ledger), 1);
	ck_assert_uint_eq(sent("192.0.2.3"), 4);
	ck_assert_uint_eq(sent(PEER_OTHER), 3);
}

/* No rekey and no restart of the keying daemon shows. */
TEST(active_with_a_hold_down)
{
	const struct account *peer;
	uint64_t up, gone;

	poll_interval = SECOND;
	POLL(out_to("192.0.2.1", 1, 1));
	up = now;
	peer = account("192.0.2.1");
	ck_assert(peer->active);
	ck_assert_uint_eq(peer->last_change, up);
	event(SA_EVENT_DELETE, out_to("192.0.2.1", 1, 1));
	POLL_NONE();
	gone = now;
	while (now < gone + 29 * SECOND)
		POLL_NONE();
	ck_assert(peer->active);
	POLL(out_to("192.0.2.1", 2, 1));
	ck_assert(peer->active);
	ck_assert_uint_eq(peer->last_change, up);
	event(SA_EVENT_DELETE, out_to("192.0.2.1", 2, 1));
	POLL_NONE();
	gone = now;
	while (now < gone + 30 * SECOND)
		POLL_NONE();
	ck_assert(!peer->active);
	ck_assert_uint_eq(peer->last_change, gone + 30 * SECOND);
}

TEST(the_end_of_a_namespace_is_no_flap)
{
	POLL(out_to("192.0.2.1", 1, 1));
	ledger_end(ledger, now + 5);
	ck_assert(!account("192.0.2.1")->active);
	ck_assert_uint_eq(account("192.0.2.1")->last_change, now + 5);
	ck_assert_uint_eq(sent("192.0.2.1"), 1);
	keys_are("192.0.2.1", 0, 1, 1);
}

TEST(the_end_of_a_namespace_leaves_no_more_peers_than_there_may_be)
{
	POLL(out_to("192.0.2.1", 1, 100), out_to("192.0.2.2", 2, 100),
	     out_to("192.0.2.3", 3, 100));
	configure(2, NULL);
	ledger_regroup_peers(ledger);
	ck_assert_uint_eq(ledger_count_peers(ledger), 3); /* each has an SA */
	ledger_end(ledger, now + 5);
	ck_assert_uint_eq(ledger_count_peers(ledger), 2);
	ck_assert_uint_eq(sent(PEER_OTHER), 100);
	IS(confidential_bytes_sent, 300);
}

TEST(a_row_without_sas_forgets_its_peers)
{
	struct sa sa = out_to("192.0.2.1", 1, 9);

	sa.reqid = 100;
	POLL(sa);
	event(SA_EVENT_DELETE, sa);
	POLL_NONE();
	ck_assert_ptr_nonnull(account_in(1, "192.0.2.1"));
	ledger_reset_row(ledger, 1);
	ck_assert_uint_eq(ledger_count_peers(ledger), 0);
	ck_assert_uint_eq(totals(1)->stats.confidential_bytes_sent, 0);
}

/* Road warriors: so many peers one after the other, with room for so few. */
enum { PEERS = 100000, ROOM = 1000 };

static struct sa sa_of_peer(unsigned number)
{
	struct in_addr addr = {.s_addr = htonl(0xc6120000u + number)};
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &addr, text, sizeof(text));
	return out_to(text, 1 + number, 100);
}

static size_t allocated(void)
{
	return mallinfo2().uordblks;
}

TEST(a_hundred_thousand_peers)
{
	size_t full = 0;

	configure(ROOM, NULL);
	now += SECOND;
	for (unsigned i = 0; i < PEERS; i++) {
		const struct sa sa = sa_of_peer(i);

		event(SA_EVENT_NEW, larval(sa_of_peer(i + 1)));
		event(SA_EVENT_NEW, with_traffic(sa, 0, 0));
		event(SA_EVENT_DELETE, sa);
		if (i % 100 == 99) {
			now += 6 * SECOND;
			POLL_NONE();
		}
		if (i == 2 * ROOM - 1)
			full = allocated();
	}
	ck_assert_uint_eq(ledger_count_peers(ledger), ROOM);
	/* malloc() does not split off what is too small for a block of its own */
	ck_assert_uint_le(allocated(), full + 1024);
	POLL_NONE();
	life_is(0, PEERS, PEERS);
	IS(confidential_bytes_sent, 100 * PEERS);
	keys_are(PEER_OTHER, 0, PEERS - ROOM, PEERS - ROOM);
	ck_assert_uint_eq(sent(PEER_OTHER), 100 * (PEERS - ROOM));
}

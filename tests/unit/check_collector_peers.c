/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runner.h"

/* The peers of a namespace's rows: names, labels, order, and when they stay. */

static void add_sa(const char *daddr, uint32_t spi, uint64_t bytes)
{
	struct sa_values sa = sa_values_of("10.0.0.1", daddr, spi);

	sa.bytes = bytes;
	sa.packets = bytes / 100;
	fake_kernel_sa(&kernel, &sa);
}

static void reconfigure_peers(bool enabled, const char *line)
{
	struct peer_config config = peer_config_default;
	struct instance_set set;
	char error[200];

	config.enabled = enabled;
	if (line)
		ck_assert_int_eq(
		    peer_config_add_line(&config, line, error, sizeof(error)), 0);
	configure(&set, NULL);
	ck_assert_int_eq(collector_reconfigure(collector, &set, &config, 60 * SECOND),
			 0);
	instance_set_free(&set);
	peer_config_free(&config);
}

/* The peers of a row, as in "A=100 other=7": names and bytes sent. */
static const char *peers_of(const char *name)
{
	static char text[500];
	const struct snapshot_row *of = row(name);
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < of->n_peers; i++) {
		const struct snapshot_peer *peer = &snapshot.peers[of->first_peer + i];

		ck_assert_str_eq(peer->instance, name);
		len +=
		    (size_t)snprintf(text + len, sizeof(text) - len, "%s%s=%d",
				     i ? " " : "", peer->label, (int)peer->bytes_sent);
	}
	return text;
}

CHAPTER(world_setup, world_teardown);

/* By length, then by characters. */
TEST(in_the_order_of_their_index)
{
	OPEN("a local 10.0.0.1");
	add_sa("192.0.2.10", 1, 100);
	add_sa("192.0.2.9", 2, 200);
	add_sa("9.9.9.9", 3, 300);
	poll_well();
	ck_assert_str_eq(peers_of("a"), "9.9.9.9=300 192.0.2.9=200 192.0.2.10=100");
	ck_assert_str_eq(peers_of(ALL), "");
}

TEST(other_only_if_it_has_something)
{
	OPEN("a local 10.0.0.1");
	sad_has(100);
	poll_well();
	reconfigure_peers(false, NULL);
	poll_well();
	ck_assert_uint_eq(row("a")->n_peers, 0);
	ck_assert_uint_eq(snapshot.n_peers, 0);
	reconfigure_peers(true, NULL);
	add_sa("9.9.9.9", 3, 300);
	add_sa("192.0.2.77", 5, 5);
	poll_well();
	ck_assert_str_eq(peers_of("a"), "other=100");
	ck_assert_str_eq(peers_of(ALL), "9.9.9.9=300 192.0.2.77=5");
}

TEST(labels)
{
	reconfigure_peers(true, "192.0.2.0/24 \"road warriors\"");
	add_sa("192.0.2.1", 1, 100);
	add_sa("192.0.2.2", 2, 200);
	add_sa("9.9.9.9", 3, 300);
	poll_well();
	ck_assert_str_eq(peers_of(ALL), "9.9.9.9=300 road warriors=300");
	ck_assert_str_eq(snapshot.peers[1].name, "192.0.2.0/24");
	reconfigure_peers(true, NULL);
	poll_well();
	ck_assert_str_eq(peers_of(ALL), "9.9.9.9=300 192.0.2.0/24=300");
}

/* Events that were lost may have been of any peer. */
TEST(discontinuities)
{
	uint64_t begun;

	sad_has(100);
	poll_well();
	look();
	begun = snapshot.peers[0].discontinuity;
	ck_assert_uint_eq(begun, kernel.now);
	kernel.now += SECOND;
	poll_well();
	look();
	ck_assert_uint_eq(snapshot.peers[0].discontinuity, begun);
	kernel.now += SECOND;
	collector_note_gap(collector);
	poll_well();
	look();
	ck_assert_uint_eq(snapshot.peers[0].discontinuity, kernel.now);
}

/* The policies that show an SA's direction are read in the poll that needs them, so its
 * peer is known, and its bytes count, when it first appears. */
TEST(the_peer_of_an_sa_between_two_local_addresses)
{
	const struct policy_values policy = {
	    .dir = XFRM_POLICY_OUT,
	    .saddr = "10.0.0.1",
	    .daddr = "10.0.1.1",
	    .saddr_prefix = 32,
	    .daddr_prefix = 32,
	    .n_templates = 1,
	    .templates = {{.saddr = "10.0.0.1",
			   .daddr = "10.0.1.1",
			   .family = AF_INET,
			   .proto = IPPROTO_ESP,
			   .mode = XFRM_MODE_TUNNEL,
			   .reqid = 1}},
	};

	fake_kernel_policy(&kernel, &policy);
	add_sa("10.0.1.1", 1, 100);
	poll_well();
	ck_assert_str_eq(peers_of(ALL), "10.0.1.1=100");
	life_is(ALL, 1, 1, 0);
}

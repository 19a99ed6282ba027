/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa.h"

#include <errno.h>
#include <string.h>

#include "messages.h"
#include "runner.h"
#include "sas.h"

#define MIGRATE_STATE 0x29 /* XFRM_MSG_MIGRATE_STATE of Linux 7.2 */

CHAPTER(NULL, NULL);

TEST(plain_fields)
{
	const struct sa_values values = sa_esp();
	const struct sa sa = sa_parse_new(&values);
	const struct in6_addr saddr = addr_of(values.saddr);
	const struct in6_addr daddr = addr_of(values.daddr);

	ck_assert_mem_eq(&sa.saddr, &saddr, sizeof(saddr));
	ck_assert_mem_eq(&sa.daddr, &daddr, sizeof(daddr));
	ck_assert_uint_eq(sa.family, AF_INET);
	ck_assert_uint_eq(sa.proto, IPPROTO_ESP);
	ck_assert_uint_eq(sa.mode, XFRM_MODE_TUNNEL);
	ck_assert(!sa.acquire);
	ck_assert(sa.keyed);
	ck_assert_uint_eq(sa.spi, 0xc0010203);
	ck_assert_uint_eq(sa.reqid, 16385);
	ck_assert_uint_eq(sa.if_id, 0);
	ck_assert_uint_eq(sa.mark, 0);
	ck_assert_uint_eq(sa.mark_mask, 0);
	ck_assert_uint_eq(sa.pcpu, 0);
	ck_assert_uint_eq(sa.add_time, 1700000000);
	ck_assert_uint_eq(sa.sample.bytes, UINT64_C(0x123456789abc));
	ck_assert_uint_eq(sa.sample.packets, UINT64_C(0xfedcba9876));
	ck_assert_uint_eq(sa.sample.integrity_failed, 0xfffffffe);
	ck_assert_uint_eq(sa.sample.replay, 3);
	ck_assert_uint_eq(sa.sample.replay_window, 4);
	ck_assert(!sa.replay_protected);
	ck_assert_int_eq(sa.declared, SA_DIR_UNKNOWN);
	ck_assert_int_eq(sa.sequence, SA_DIR_UNKNOWN);
}

TEST(ipv6_addresses)
{
	struct sa_values values = sa_esp();
	struct in6_addr want = addr_of("2001:db8::2");
	struct sa sa;

	values.saddr = "2001:db8::1";
	values.daddr = "2001:db8::2";
	sa = sa_parse_new(&values);
	ck_assert_uint_eq(sa.family, AF_INET6);
	ck_assert_mem_eq(&sa.daddr, &want, sizeof(want));
}

/* The kernel keeps what the keying daemon put behind an IPv4 address. */
TEST(rest_of_an_ipv4_address_is_zero)
{
	const struct sa_values values = sa_esp();
	struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	struct xfrm_usersa_info *info = (void *)((char *)nlh + NLMSG_HDRLEN);
	struct sa_event event;

	memset(&info->saddr.a6[1], 0x77, 12);
	memset(&info->id.daddr.a6[1], 0x77, 12);
	event = sa_parse(nlh);
	for (size_t i = 4; i < 16; i++) {
		ck_assert_uint_eq(event.sa.saddr.s6_addr[i], 0);
		ck_assert_uint_eq(event.sa.daddr.s6_addr[i], 0);
	}
}

TEST(message_types)
{
	const struct sa_values values = sa_esp();

	ck_assert_int_eq(sa_parse(message_newsa(XFRM_MSG_NEWSA, &values)).type,
			 SA_EVENT_NEW);
	ck_assert_int_eq(sa_parse(message_newsa(XFRM_MSG_UPDSA, &values)).type,
			 SA_EVENT_UPDATE);
	ck_assert_int_eq(sa_parse(message_delsa(&values)).type, SA_EVENT_DELETE);
	ck_assert_int_eq(sa_parse(message_expire(&values, true)).type,
			 SA_EVENT_EXPIRE_HARD);
	ck_assert_int_eq(sa_parse(message_expire(&values, false)).type,
			 SA_EVENT_EXPIRE_SOFT);
	ck_assert_int_eq(sa_parse(message_flushsa(IPPROTO_ESP)).type, SA_EVENT_FLUSH);
	ck_assert_int_eq(sa_parse(message_migrate()).type, SA_EVENT_MIGRATE);
	ck_assert_int_eq(sa_parse(message_raw(MIGRATE_STATE, NULL, 0)).type,
			 SA_EVENT_MIGRATE);
}

/* 0: all protocols. */
TEST(flush_names_its_protocol)
{
	ck_assert_uint_eq(sa_parse(message_flushsa(IPPROTO_AH)).proto, IPPROTO_AH);
	ck_assert_uint_eq(sa_parse(message_flushsa(0)).proto, 0);
	ck_assert_uint_eq(sa_parse(message_flushsa(255)).proto,
			  0); /* IPSEC_PROTO_ANY */
	sa_reject(message_raw(XFRM_MSG_FLUSHSA, NULL, 0));
}

TEST(policy_messages)
{
	static const uint16_t types[] = {XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY,
					 XFRM_MSG_DELPOLICY, XFRM_MSG_FLUSHPOLICY,
					 XFRM_MSG_POLEXPIRE};
	const char payload[256] = {0};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct nlmsghdr *nlh = message_raw(types[i], payload, sizeof(payload));

		ck_assert_int_eq(sa_parse(nlh).type, SA_EVENT_POLICY);
	}
}

TEST(unknown_messages_are_skipped)
{
	for (uint16_t type = 0; type < 256; type++) {
		struct sa_event event;
		struct nlmsghdr *nlh;

		switch (type) {
		case XFRM_MSG_NEWSA:
		case XFRM_MSG_UPDSA:
		case XFRM_MSG_DELSA:
		case XFRM_MSG_EXPIRE:
		case XFRM_MSG_FLUSHSA:
		case XFRM_MSG_MIGRATE:
		case MIGRATE_STATE:
		case XFRM_MSG_NEWPOLICY:
		case XFRM_MSG_UPDPOLICY:
		case XFRM_MSG_DELPOLICY:
		case XFRM_MSG_FLUSHPOLICY:
		case XFRM_MSG_POLEXPIRE:
			continue;
		}
		nlh = message_raw(type, NULL, 0);
		ck_assert_int_eq(sa_event_parse(nlh, &event), 0);
		ck_assert_int_eq(event.type, SA_EVENT_OTHER);
		free(nlh);
	}
}

TEST(delsa_brings_the_whole_sa)
{
	struct sa_values values = sa_full();
	const struct sa_event event = sa_parse(message_delsa(&values));

	ck_assert_uint_eq(event.sa.spi, values.spi);
	ck_assert_uint_eq(event.sa.sample.bytes, values.bytes);
	ck_assert_uint_eq(event.sa.sample.packets, values.packets);
	ck_assert_uint_eq(event.sa.sample.integrity_failed, values.integrity_failed);
	ck_assert(event.sa.keyed);
	ck_assert_uint_eq(event.sa.mark, 5);
	ck_assert_uint_eq(event.sa.if_id, 42);
	ck_assert_uint_eq(event.sa.pcpu, 4);
	ck_assert_int_eq(event.sa.declared, SA_DIR_IN);
	ck_assert(event.sa.replay_protected);
}

TEST(delsa_without_the_sa_is_bad)
{
	const struct xfrm_usersa_id id = {.spi = 1, .proto = IPPROTO_ESP};
	struct nlmsghdr *nlh = message_raw(XFRM_MSG_DELSA, &id, sizeof(id));
	struct nlmsghdr *marked = message_with_attr(nlh, XFRMA_MARK, "12345678", 8);
	struct nlmsghdr *cut = message_with_attr(nlh, XFRMA_SA, "1234", 4);

	sa_reject(nlh);
	sa_reject(marked);
	sa_reject(cut);
}

TEST(expire_brings_final_counters_and_no_keys)
{
	struct sa_values values = sa_full();
	const struct sa_event event = sa_parse(message_expire(&values, true));

	ck_assert_uint_eq(event.sa.sample.bytes, values.bytes);
	ck_assert_uint_eq(event.sa.sample.packets, values.packets);
	ck_assert_uint_eq(event.sa.sample.integrity_failed, values.integrity_failed);
	ck_assert_uint_eq(event.sa.mark_mask, 0xff);
	ck_assert_uint_eq(event.sa.if_id, 42);
	ck_assert(!event.sa.keyed);
}

/* The algorithms with which an SA of each protocol is keyed. */
TEST(larval_or_keyed)
{
	static const struct {
		uint8_t proto;
		unsigned algs;
		bool keyed;
	} cases[] = {
	    {IPPROTO_ESP, MESSAGE_LARVAL, false},
	    {IPPROTO_ESP, MESSAGE_AEAD, true},
	    {IPPROTO_ESP, MESSAGE_CRYPT, true},
	    {IPPROTO_ESP, MESSAGE_CRYPT | MESSAGE_AUTH | MESSAGE_AUTH_TRUNC, true},
	    {IPPROTO_ESP, MESSAGE_AUTH | MESSAGE_AUTH_TRUNC, false},
	    {IPPROTO_AH, MESSAGE_LARVAL, false},
	    {IPPROTO_AH, MESSAGE_AUTH, true},
	    {IPPROTO_AH, MESSAGE_AUTH_TRUNC, true},
	    {IPPROTO_AH, MESSAGE_AEAD | MESSAGE_CRYPT, false},
	    {IPPROTO_COMP, MESSAGE_COMP, false},
	    {IPPROTO_COMP, MESSAGE_CRYPT | MESSAGE_AUTH, false},
	    {IPPROTO_IPIP, MESSAGE_LARVAL, false},
	    {IPPROTO_IPIP, MESSAGE_CRYPT | MESSAGE_AUTH, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sa_values values = sa_esp();

		values.proto = cases[i].proto;
		values.algs = cases[i].algs;
		ck_assert_msg(sa_parse_new(&values).keyed == cases[i].keyed,
			      "proto %u, algorithms %x", cases[i].proto, cases[i].algs);
	}
}

TEST(acquire_is_identified_by_its_sequence_number)
{
	struct sa_values values = sa_esp();
	struct sa sa;

	values.spi = 0;
	values.algs = MESSAGE_LARVAL;
	sa = sa_parse_new(&values);
	ck_assert(sa.acquire);
	ck_assert_uint_eq(sa.spi, 77);
	ck_assert(!sa.keyed);
}

TEST(replay_window_of_the_info)
{
	struct sa_values values = sa_esp();

	ck_assert(!sa_parse_new(&values).replay_protected);
	values.window = 1;
	ck_assert(sa_parse_new(&values).replay_protected);
}

TEST(esn_replay_window_is_the_true_one)
{
	struct sa_values values = sa_esp();

	values.has_esn = true;
	values.esn_window = 64;
	ck_assert(sa_parse_new(&values).replay_protected);
	values.esn_window = 0;
	values.window = 32;
	ck_assert(!sa_parse_new(&values).replay_protected);
}

TEST(sequence_numbers_hint_the_direction)
{
	static const struct {
		uint32_t oseq, iseq, bitmap;
		enum sa_direction want;
	} cases[] = {
	    {0, 0, 0, SA_DIR_UNKNOWN}, {1, 0, 0, SA_DIR_OUT}, {0, 1, 0, SA_DIR_IN},
	    {0, 0, 1, SA_DIR_IN},      {5, 6, 7, SA_DIR_OUT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sa_values values = sa_esp();

		values.has_replay = true;
		values.window = 32;
		values.packets = 0;
		values.oseq = cases[i].oseq;
		values.iseq = cases[i].iseq;
		values.bitmap = cases[i].bitmap;
		ck_assert_int_eq(sa_parse_new(&values).sequence, cases[i].want);
		ck_assert_int_eq(sa_parse_new(&values).declared, SA_DIR_UNKNOWN);
	}
}

TEST(direction_by_sequence_numbers)
{
	static const struct {
		uint64_t packets;
		bool has_replay, has_esn;
		uint32_t esn_window, oseq, oseq_hi, iseq, iseq_hi;
		enum sa_direction want;
	} cases[] = {
	    /* With a replay window of 0 an inbound SA shows no sequence number. An
	     * outbound one numbers each packet before it counts it. */
	    {3, 0, 0, 0, 0, 0, 0, 0, SA_DIR_UNKNOWN},
	    {3, 1, 0, 0, 0, 0, 0, 0, SA_DIR_IN},
	    {3, 1, 0, 0, 3, 0, 0, 0, SA_DIR_OUT},
	    {3, 0, 1, 0, 0, 0, 0, 0, SA_DIR_IN},
	    {3, 0, 1, 0, 0, 1, 0, 0, SA_DIR_OUT},
	    /* ESN has two halves. */
	    {0, 0, 1, 32, 0, 0, 0, 0, SA_DIR_UNKNOWN},
	    {0, 0, 1, 32, 0, 1, 0, 0, SA_DIR_OUT},
	    {0, 0, 1, 32, 0, 0, 0, 1, SA_DIR_IN},
	    {0, 0, 1, 32, 0, 0, 1, 0, SA_DIR_IN},
	    {0, 0, 1, 32, 1, 0, 1, 0, SA_DIR_OUT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sa_values values = sa_esp();

		values.packets = cases[i].packets;
		values.has_replay = cases[i].has_replay;
		values.has_esn = cases[i].has_esn;
		values.esn_window = cases[i].esn_window;
		values.oseq = cases[i].oseq;
		values.oseq_hi = cases[i].oseq_hi;
		values.iseq = cases[i].iseq;
		values.iseq_hi = cases[i].iseq_hi;
		ck_assert_msg(sa_parse_new(&values).sequence == cases[i].want,
			      "case %zu", i);
	}
}

TEST(mark_if_id_and_cpu)
{
	struct sa_values values = sa_esp();
	struct sa sa;

	values.has_mark = values.has_if_id = values.has_pcpu = true;
	values.mark = 0x11;
	values.mark_mask = 0xff00ff;
	values.if_id = 0xdeadbeef;
	values.pcpu = 0;
	sa = sa_parse_new(&values);
	ck_assert_uint_eq(sa.mark, 0x11);
	ck_assert_uint_eq(sa.mark_mask, 0xff00ff);
	ck_assert_uint_eq(sa.if_id, 0xdeadbeef);
	ck_assert_uint_eq(sa.pcpu, 1);
}

TEST(declared_direction)
{
	static const enum sa_direction by_dir[] = {SA_DIR_UNKNOWN, SA_DIR_IN,
						   SA_DIR_OUT, SA_DIR_UNKNOWN};
	struct sa_values values = sa_esp();

	values.has_dir = true;
	for (uint8_t dir = 0; dir < 4; dir++) {
		values.dir = dir;
		ck_assert_int_eq(sa_parse_new(&values).declared, by_dir[dir]);
	}
	values = sa_esp();
	values.has_offload = true;
	values.offload_flags = XFRM_OFFLOAD_IPV6;
	ck_assert_int_eq(sa_parse_new(&values).declared, SA_DIR_OUT);
	values.offload_flags = XFRM_OFFLOAD_INBOUND;
	ck_assert_int_eq(sa_parse_new(&values).declared, SA_DIR_IN);
}

/* XFRMA_SA_DIR takes precedence over the offload flag, in any order of attributes. */
TEST(declared_direction_beats_offload)
{
	const uint8_t dir = 2;
	struct sa_values values = sa_esp();
	struct nlmsghdr *nlh;
	struct nlmsghdr *before;

	values.has_offload = true;
	values.offload_flags = XFRM_OFFLOAD_INBOUND;
	values.has_dir = true;
	values.dir = 2;
	ck_assert_int_eq(sa_parse_new(&values).declared, SA_DIR_OUT);
	values.has_offload = false;
	nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	before = message_with_attr(
	    nlh, XFRMA_OFFLOAD_DEV,
	    &(struct xfrm_user_offload){.flags = XFRM_OFFLOAD_INBOUND},
	    sizeof(struct xfrm_user_offload));
	free(nlh);
	ck_assert_int_eq(sa_parse(before).sa.declared, SA_DIR_OUT);
	values.has_dir = false;
	nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	before = message_with_attr(nlh, 33, &dir, 1);
	free(nlh);
	ck_assert_int_eq(sa_parse(before).sa.declared, SA_DIR_OUT);
}

static uint64_t selector_of(const struct xfrm_selector *sel)
{
	struct sa_values values = sa_esp();

	values.sel = *sel;
	return sa_parse_new(&values).selector;
}

static struct xfrm_selector selector(void)
{
	struct xfrm_selector sel;
	struct in6_addr addr = addr_of("192.0.2.1");

	memset(&sel, 0, sizeof(sel));
	memcpy(&sel.daddr, &addr, sizeof(addr));
	sel.family = AF_INET;
	sel.prefixlen_d = 32;
	sel.dport = 1;
	sel.dport_mask = 2;
	sel.sport = 3;
	sel.sport_mask = 4;
	sel.proto = 6;
	return sel;
}

TEST(selectors_differ_by_every_field)
{
	const struct xfrm_selector base = selector();
	struct xfrm_selector others[12];
	const size_t n = sizeof(others) / sizeof(*others);

	for (size_t i = 0; i < n; i++)
		others[i] = base;
	others[0].daddr.a4 ^= 1;
	others[1].saddr.a4 ^= 1;
	others[2].dport ^= 1;
	others[3].dport_mask ^= 1;
	others[4].sport ^= 1;
	others[5].sport_mask ^= 1;
	others[6].family = AF_INET6;
	others[7].prefixlen_d--;
	others[8].prefixlen_s++;
	others[9].proto++;
	others[10].ifindex++;
	others[11].user++;
	ck_assert_uint_eq(selector_of(&base), selector_of(&base));
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_ne(selector_of(&others[i]), selector_of(&base));
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(selector_of(&others[i]),
					  selector_of(&others[j]));
	}
}

TEST(selector_padding_does_not_matter)
{
	struct xfrm_selector clean;
	struct xfrm_selector dirty;

	memset(&clean, 0, sizeof(clean));
	memset(&dirty, 0xff, sizeof(dirty));
	dirty.daddr.a4 = dirty.saddr.a4 = 0;
	dirty.dport = dirty.dport_mask = dirty.sport = dirty.sport_mask = 0;
	dirty.prefixlen_d = dirty.prefixlen_s = dirty.proto = 0;
	dirty.ifindex = 0;
	dirty.user = 0;
	clean.family = dirty.family = AF_INET;
	ck_assert_uint_eq(selector_of(&clean), selector_of(&dirty));
}

TEST(modes_with_an_outer_header)
{
	ck_assert(sa_mode_is_tunnel(XFRM_MODE_TUNNEL));
	ck_assert(sa_mode_is_tunnel(5)); /* IPTFS, Linux 6.14 */
	ck_assert(!sa_mode_is_tunnel(XFRM_MODE_TRANSPORT));
	ck_assert(!sa_mode_is_tunnel(XFRM_MODE_BEET));
	ck_assert(!sa_mode_is_tunnel(XFRM_MODE_ROUTEOPTIMIZATION));
}

TEST(only_esp_and_ah_are_ipsec)
{
	for (unsigned proto = 0; proto < 256; proto++) {
		const struct sa sa = {.proto = (uint8_t)proto};

		ck_assert_int_eq(sa_is_ipsec(&sa),
				 proto == IPPROTO_ESP || proto == IPPROTO_AH);
	}
}

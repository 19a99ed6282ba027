/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa.h"

#include <errno.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

/* Parses and frees the message; the event must be good. */
static struct sa_event parse(struct nlmsghdr *nlh)
{
	struct sa_event event;

	memset(&event, 0x5a, sizeof(event));
	ck_assert_int_eq(sa_event_parse(nlh, &event), 0);
	free(nlh);
	return event;
}

static struct sa parse_newsa(const struct sa_values *values)
{
	struct sa_event event = parse(message_newsa(XFRM_MSG_NEWSA, values));

	ck_assert_int_eq(event.type, SA_EVENT_NEW);
	return event.sa;
}

/* Parses and frees the message, which must be refused without a trace. */
static void refuse(struct nlmsghdr *nlh)
{
	struct sa_event event;
	struct sa_event before;

	memset(&event, 0x5a, sizeof(event));
	before = event;
	ck_assert_int_eq(sa_event_parse(nlh, &event), -EBADMSG);
	ck_assert_mem_eq(&event, &before, sizeof(event));
	free(nlh);
}

static struct sa_values esp(void)
{
	return (struct sa_values){
	    .saddr = "10.0.0.1",
	    .daddr = "10.0.0.2",
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .spi = 0xc0010203,
	    .seq = 77,
	    .reqid = 16385,
	    .algs = MESSAGE_AEAD,
	    .add_time = 1700000000,
	    .bytes = UINT64_C(0x123456789abc),
	    .packets = UINT64_C(0xfedcba9876),
	    .integrity_failed = 0xfffffffe,
	    .replay = 3,
	    .replay_window = 4,
	};
}

/* Everything that a message can carry. */
static struct sa_values full(void)
{
	struct sa_values values = esp();

	values.algs = MESSAGE_AUTH | MESSAGE_AUTH_TRUNC | MESSAGE_CRYPT;
	values.has_mark = values.has_if_id = values.has_pcpu = values.has_dir = true;
	values.has_offload = values.has_replay = values.has_esn = true;
	values.mark = 5;
	values.mark_mask = 0xff;
	values.if_id = 42;
	values.pcpu = 3;
	values.dir = 1;
	values.offload_flags = 2;
	values.iseq = 9;
	values.esn_window = 32;
	return values;
}

CHAPTER(NULL, NULL);

TEST(plain_fields)
{
	const struct sa_values values = esp();
	const struct sa sa = parse_newsa(&values);
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
	ck_assert_uint_eq(sa.bytes, UINT64_C(0x123456789abc));
	ck_assert_uint_eq(sa.packets, UINT64_C(0xfedcba9876));
	ck_assert_uint_eq(sa.integrity_failed, 0xfffffffe);
	ck_assert_uint_eq(sa.replay, 3);
	ck_assert_uint_eq(sa.replay_window, 4);
	ck_assert(!sa.replay_protected);
	ck_assert_int_eq(sa.declared, SA_DIR_UNKNOWN);
	ck_assert_int_eq(sa.sequence, SA_DIR_UNKNOWN);
}

TEST(ipv6_addresses)
{
	struct sa_values values = esp();
	struct in6_addr want = addr_of("2001:db8::2");
	struct sa sa;

	values.saddr = "2001:db8::1";
	values.daddr = "2001:db8::2";
	sa = parse_newsa(&values);
	ck_assert_uint_eq(sa.family, AF_INET6);
	ck_assert_mem_eq(&sa.daddr, &want, sizeof(want));
}

/* The kernel leaves in the rest of an IPv4 address whatever the keying daemon put
 * there. */
TEST(rest_of_an_ipv4_address_is_zero)
{
	const struct sa_values values = esp();
	struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	struct xfrm_usersa_info *info = (void *)((char *)nlh + NLMSG_HDRLEN);
	struct sa_event event;

	memset(&info->saddr.a6[1], 0x77, 12);
	memset(&info->id.daddr.a6[1], 0x77, 12);
	event = parse(nlh);
	for (size_t i = 4; i < 16; i++) {
		ck_assert_uint_eq(event.sa.saddr.s6_addr[i], 0);
		ck_assert_uint_eq(event.sa.daddr.s6_addr[i], 0);
	}
}

TEST(message_types)
{
	const struct sa_values values = esp();

	ck_assert_int_eq(parse(message_newsa(XFRM_MSG_NEWSA, &values)).type,
			 SA_EVENT_NEW);
	ck_assert_int_eq(parse(message_newsa(XFRM_MSG_UPDSA, &values)).type,
			 SA_EVENT_UPDATE);
	ck_assert_int_eq(parse(message_delsa(&values)).type, SA_EVENT_DELETE);
	ck_assert_int_eq(parse(message_expire(&values, true)).type,
			 SA_EVENT_EXPIRE_HARD);
	ck_assert_int_eq(parse(message_expire(&values, false)).type,
			 SA_EVENT_EXPIRE_SOFT);
	ck_assert_int_eq(parse(message_flushsa(IPPROTO_ESP)).type, SA_EVENT_FLUSH);
	ck_assert_int_eq(parse(message_migrate()).type, SA_EVENT_MIGRATE);
}

/* 0: all of them. */
TEST(flush_names_its_protocol)
{
	ck_assert_uint_eq(parse(message_flushsa(IPPROTO_AH)).proto, IPPROTO_AH);
	ck_assert_uint_eq(parse(message_flushsa(0)).proto, 0);
	ck_assert_uint_eq(parse(message_flushsa(255)).proto, 0); /* IPSEC_PROTO_ANY */
	refuse(message_raw(XFRM_MSG_FLUSHSA, NULL, 0));
}

TEST(policy_messages)
{
	static const uint16_t types[] = {XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY,
					 XFRM_MSG_DELPOLICY, XFRM_MSG_FLUSHPOLICY,
					 XFRM_MSG_POLEXPIRE};
	const char payload[256] = {0};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct nlmsghdr *nlh = message_raw(types[i], payload, sizeof(payload));

		ck_assert_int_eq(parse(nlh).type, SA_EVENT_POLICY);
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
	struct sa_values values = full();
	const struct sa_event event = parse(message_delsa(&values));

	ck_assert_uint_eq(event.sa.spi, values.spi);
	ck_assert_uint_eq(event.sa.bytes, values.bytes);
	ck_assert_uint_eq(event.sa.packets, values.packets);
	ck_assert_uint_eq(event.sa.integrity_failed, values.integrity_failed);
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

	refuse(nlh);
	refuse(marked);
	refuse(cut);
}

TEST(expire_brings_final_counters_and_no_keys)
{
	struct sa_values values = full();
	const struct sa_event event = parse(message_expire(&values, true));

	ck_assert_uint_eq(event.sa.bytes, values.bytes);
	ck_assert_uint_eq(event.sa.packets, values.packets);
	ck_assert_uint_eq(event.sa.integrity_failed, values.integrity_failed);
	ck_assert_uint_eq(event.sa.mark_mask, 0xff);
	ck_assert_uint_eq(event.sa.if_id, 42);
	ck_assert(!event.sa.keyed);
}

/* Which algorithm makes which protocol's SA a keyed one. */
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
		struct sa_values values = esp();

		values.proto = cases[i].proto;
		values.algs = cases[i].algs;
		ck_assert_msg(parse_newsa(&values).keyed == cases[i].keyed,
			      "proto %u, algorithms %x", cases[i].proto, cases[i].algs);
	}
}

TEST(acquire_is_told_by_its_sequence_number)
{
	struct sa_values values = esp();
	struct sa sa;

	values.spi = 0;
	values.algs = MESSAGE_LARVAL;
	sa = parse_newsa(&values);
	ck_assert(sa.acquire);
	ck_assert_uint_eq(sa.spi, 77);
	ck_assert(!sa.keyed);
}

TEST(replay_window_of_the_info)
{
	struct sa_values values = esp();

	ck_assert(!parse_newsa(&values).replay_protected);
	values.window = 1;
	ck_assert(parse_newsa(&values).replay_protected);
}

TEST(esn_replay_window_is_the_true_one)
{
	struct sa_values values = esp();

	values.has_esn = true;
	values.esn_window = 64;
	ck_assert(parse_newsa(&values).replay_protected);
	values.esn_window = 0;
	values.window = 32;
	ck_assert(!parse_newsa(&values).replay_protected);
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
		struct sa_values values = esp();

		values.has_replay = true;
		values.window = 32;
		values.packets = 0;
		values.oseq = cases[i].oseq;
		values.iseq = cases[i].iseq;
		values.bitmap = cases[i].bitmap;
		ck_assert_int_eq(parse_newsa(&values).sequence, cases[i].want);
		ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_UNKNOWN);
	}
}

/* With a replay window of 0 an inbound SA shows no number, whatever it carries; an
 * outbound one numbers each packet before it counts it. */
TEST(packets_without_a_number_were_received)
{
	struct sa_values values = esp();

	values.packets = 3;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_UNKNOWN);
	values.has_replay = true;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_IN);
	values.oseq = 3;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_OUT);
	values.has_replay = false;
	values.has_esn = true;
	values.oseq = 0;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_IN);
	values.oseq_hi = 1;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_OUT);
}

TEST(esn_sequence_numbers_have_two_halves)
{
	struct sa_values values = esp();

	values.has_esn = true;
	values.esn_window = 32;
	values.packets = 0;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_UNKNOWN);
	values.oseq_hi = 1;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_OUT);
	values.oseq_hi = 0;
	values.iseq_hi = 1;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_IN);
	values.iseq_hi = 0;
	values.iseq = 1;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_IN);
	values.oseq = 1;
	ck_assert_int_eq(parse_newsa(&values).sequence, SA_DIR_OUT);
}

TEST(mark_if_id_and_cpu)
{
	struct sa_values values = esp();
	struct sa sa;

	values.has_mark = values.has_if_id = values.has_pcpu = true;
	values.mark = 0x11;
	values.mark_mask = 0xff00ff;
	values.if_id = 0xdeadbeef;
	values.pcpu = 0;
	sa = parse_newsa(&values);
	ck_assert_uint_eq(sa.mark, 0x11);
	ck_assert_uint_eq(sa.mark_mask, 0xff00ff);
	ck_assert_uint_eq(sa.if_id, 0xdeadbeef);
	ck_assert_uint_eq(sa.pcpu, 1);
}

TEST(declared_direction)
{
	struct sa_values values = esp();

	values.has_dir = true;
	values.dir = 1;
	ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_IN);
	values.dir = 2;
	ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_OUT);
	values.dir = 3;
	ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_UNKNOWN);
	values.dir = 0;
	ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_UNKNOWN);
}

TEST(offload_direction)
{
	struct sa_values values = esp();

	values.has_offload = true;
	values.offload_flags = XFRM_OFFLOAD_IPV6;
	ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_OUT);
	values.offload_flags = XFRM_OFFLOAD_INBOUND;
	ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_IN);
}

/* DESIGN 4.3: XFRMA_SA_DIR comes before the offload's flag, whatever their order here.
 */
TEST(declared_direction_beats_offload)
{
	const uint8_t dir = 2;
	struct sa_values values = esp();
	struct nlmsghdr *nlh;
	struct nlmsghdr *before;

	values.has_offload = true;
	values.offload_flags = XFRM_OFFLOAD_INBOUND;
	values.has_dir = true;
	values.dir = 2;
	ck_assert_int_eq(parse_newsa(&values).declared, SA_DIR_OUT);
	values.has_offload = false;
	nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	before = message_with_attr(
	    nlh, XFRMA_OFFLOAD_DEV,
	    &(struct xfrm_user_offload){.flags = XFRM_OFFLOAD_INBOUND},
	    sizeof(struct xfrm_user_offload));
	free(nlh);
	ck_assert_int_eq(parse(before).sa.declared, SA_DIR_OUT);
	values.has_dir = false;
	nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	before = message_with_attr(nlh, 33, &dir, 1);
	free(nlh);
	ck_assert_int_eq(parse(before).sa.declared, SA_DIR_OUT);
}

static uint64_t selector_of(const struct xfrm_selector *sel)
{
	struct sa_values values = esp();

	values.sel = *sel;
	return parse_newsa(&values).selector;
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

TEST(unknown_attributes_are_skipped)
{
	const struct sa_values values = esp();
	struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	struct sa_event plain = parse(message_newsa(XFRM_MSG_NEWSA, &values));
	static const uint16_t types[] = {36, 60, 0x3fff, 0xbfff};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct nlmsghdr *more = message_with_attr(nlh, types[i], "junk", i);
		struct sa_event event = parse(more);

		ck_assert_uint_eq(event.sa.spi, plain.sa.spi);
		ck_assert_int_eq(event.sa.keyed, plain.sa.keyed);
		ck_assert_int_eq(event.sa.declared, plain.sa.declared);
	}
	free(nlh);
}

/* Every attribute that is read, one byte shorter than its meaning needs. */
TEST(short_attributes_are_bad)
{
	static const struct {
		uint16_t type;
		size_t size;
	} attrs[] = {
	    {XFRMA_REPLAY_VAL, sizeof(struct xfrm_replay_state)},
	    {XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn)},
	    {XFRMA_MARK, sizeof(struct xfrm_mark)},
	    {XFRMA_IF_ID, 4},
	    {XFRMA_OFFLOAD_DEV, sizeof(struct xfrm_user_offload)},
	    {33, 1},
	    {35, 4},
	};
	const struct sa_values values = esp();
	struct nlmsghdr *newsa = message_newsa(XFRM_MSG_NEWSA, &values);
	struct nlmsghdr *delsa = message_delsa(&values);
	struct nlmsghdr *expire = message_expire(&values, true);
	const char zero[64] = {0};

	for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++) {
		const uint16_t type = attrs[i].type;

		refuse(message_with_attr(newsa, type, zero, attrs[i].size - 1));
		refuse(message_with_attr(delsa, type, zero, attrs[i].size - 1));
		refuse(message_with_attr(expire, type, zero, attrs[i].size - 1));
		parse(message_with_attr(newsa, type, zero, attrs[i].size));
	}
	free(newsa);
	free(delsa);
	free(expire);
}

TEST(attribute_beyond_the_end_is_bad)
{
	const struct sa_values values = esp();
	struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	struct nlattr *attr =
	    (void *)((char *)nlh + NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info));
	const uint16_t good = attr->nla_len;
	static const uint16_t bad[] = {1, 2, 3, 0xffff, 0x7fff};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		attr->nla_len = bad[i];
		refuse(message_cut(nlh, nlh->nlmsg_len));
	}
	attr->nla_len = (uint16_t)(good + 4);
	refuse(message_cut(nlh, nlh->nlmsg_len));
	attr->nla_len = good;
	parse(message_cut(nlh, nlh->nlmsg_len));
	free(nlh);
}

/* The block on the heap ends where the message ends: ASan sees a byte too far. */
TEST(cut_at_every_length)
{
	const struct sa_values values = full();
	struct nlmsghdr *messages[] = {
	    message_newsa(XFRM_MSG_NEWSA, &values),
	    message_newsa(XFRM_MSG_UPDSA, &values),
	    message_delsa(&values),
	    message_expire(&values, true),
	    message_flushsa(0),
	    message_migrate(),
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		for (size_t len = NLMSG_HDRLEN; len < messages[i]->nlmsg_len; len++) {
			struct nlmsghdr *cut = message_cut(messages[i], len);
			struct sa_event event;
			int err = sa_event_parse(cut, &event);

			ck_assert_msg(err == 0 || err == -EBADMSG, "%d at %zu", err,
				      len);
			free(cut);
		}
		free(messages[i]);
	}
}

TEST(too_short_for_the_fixed_part_is_bad)
{
	const struct sa_values values = esp();
	struct nlmsghdr *newsa = message_newsa(XFRM_MSG_NEWSA, &values);
	struct nlmsghdr *expire = message_expire(&values, true);
	struct nlmsghdr *delsa = message_delsa(&values);

	refuse(message_cut(newsa, NLMSG_HDRLEN));
	refuse(message_cut(newsa, NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info) - 1));
	refuse(message_cut(expire, NLMSG_HDRLEN + sizeof(struct xfrm_user_expire) - 1));
	refuse(message_cut(delsa, NLMSG_HDRLEN + sizeof(struct xfrm_usersa_id) - 1));
	free(newsa);
	free(expire);
	free(delsa);
}

/* A length below the header's own is no message at all. */
TEST(length_below_the_header_is_bad)
{
	static const uint16_t types[] = {XFRM_MSG_NEWSA, XFRM_MSG_UPDSA, XFRM_MSG_DELSA,
					 XFRM_MSG_EXPIRE};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		for (uint32_t len = 0; len < NLMSG_HDRLEN; len++) {
			struct nlmsghdr *nlh = message_raw(types[i], NULL, 0);

			nlh->nlmsg_len = len;
			refuse(nlh);
		}
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const uint16_t garbage_types[] = {XFRM_MSG_NEWSA,   XFRM_MSG_UPDSA,
					 XFRM_MSG_DELSA,   XFRM_MSG_EXPIRE,
					 XFRM_MSG_FLUSHSA, XFRM_MSG_MIGRATE};

/* Random bytes all over, some of them attribute headers that look right. */
TEST(garbage)
{
	uint64_t state = 20240229;

	for (int i = 0; i < 200000; i++) {
		size_t len = NLMSG_HDRLEN + next_random(&state) % 480;
		struct nlmsghdr *nlh = malloc(len);
		struct sa_event event;
		int err;

		for (size_t j = 0; j < len; j++)
			((uint8_t *)nlh)[j] = (uint8_t)next_random(&state);
		for (size_t j = 40; j + 8 <= len;
		     j += 4 * (1 + next_random(&state) % 40)) {
			const struct nlattr attr = {
			    .nla_len = (uint16_t)(next_random(&state) % 40),
			    .nla_type = (uint16_t)(next_random(&state) % 40),
			};

			memcpy((char *)nlh + j, &attr, sizeof(attr));
		}
		nlh->nlmsg_len = (uint32_t)len;
		nlh->nlmsg_type = garbage_types[next_random(&state) % 6];
		err = sa_event_parse(nlh, &event);
		ck_assert(err == 0 || err == -EBADMSG);
		free(nlh);
	}
}

/* Good messages with a few bytes changed get further into the parser. */
TEST(good_messages_damaged)
{
	const struct sa_values values = full();
	struct nlmsghdr *good[] = {message_newsa(XFRM_MSG_NEWSA, &values),
				   message_delsa(&values),
				   message_expire(&values, true)};
	uint64_t state = 4711;

	for (int i = 0; i < 200000; i++) {
		const struct nlmsghdr *from = good[i % 3];
		struct nlmsghdr *nlh = message_cut(from, from->nlmsg_len);
		struct sa_event event;
		int err;

		for (uint64_t n = next_random(&state) % 8; n > 0; n--) {
			size_t at = NLMSG_HDRLEN + next_random(&state) %
						       (from->nlmsg_len - NLMSG_HDRLEN);

			((uint8_t *)nlh)[at] = (uint8_t)next_random(&state);
		}
		err = sa_event_parse(nlh, &event);
		ck_assert(err == 0 || err == -EBADMSG);
		free(nlh);
	}
	for (size_t i = 0; i < 3; i++)
		free(good[i]);
}

/* No byte of a key may reach the values: the result has none of the keys' bytes. */
TEST(no_key_in_the_result)
{
	struct sa_values values = full();
	struct sa_event event;
	const uint8_t *at = (const uint8_t *)&event;

	values.algs |= MESSAGE_AEAD;
	memset(&event, 0, sizeof(event));
	event = parse(message_newsa(XFRM_MSG_NEWSA, &values));
	for (size_t i = 0; i + 3 < sizeof(event); i++)
		ck_assert(at[i] != MESSAGE_KEY_BYTE || at[i + 1] != MESSAGE_KEY_BYTE ||
			  at[i + 2] != MESSAGE_KEY_BYTE);
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <stdio.h>

#include "kernel/message.h"
#include "kernel/sa_answer.h"
#include "util/array.h"
#include "util/hash.h"

/* Names that the headers of Linux 6.1 lack; the numbers are ABI (6.10, 6.13, 6.14,
 * 7.2). */
#define QM_XFRMA_SA_DIR 33
#define QM_XFRMA_SA_PCPU 35
#define QM_XFRM_SA_DIR_IN 1
#define QM_XFRM_SA_DIR_OUT 2
#define QM_XFRM_MODE_IPTFS 5
#define QM_XFRM_MSG_MIGRATE_STATE 0x29
#ifndef XFRM_OFFLOAD_INBOUND
#define XFRM_OFFLOAD_INBOUND 2
#endif
#define N_ATTRS (QM_XFRMA_SA_PCPU + 1)

bool sa_mode_is_tunnel(uint8_t mode)
{
	return mode == XFRM_MODE_TUNNEL || mode == QM_XFRM_MODE_IPTFS;
}

/* Hashes the fields one by one: the padding may hold anything. */
static uint64_t selector_hash(const struct xfrm_selector *sel)
{
	struct in6_addr addr;
	uint64_t hash = HASH_START;

	message_copy_addr(&addr, &sel->daddr, sel->family);
	hash = hash_mix_addr(hash, &addr);
	message_copy_addr(&addr, &sel->saddr, sel->family);
	hash = hash_mix_addr(hash, &addr);
	hash = hash_mix(hash, (uint64_t)sel->dport << 48 |
				  (uint64_t)sel->dport_mask << 32 |
				  (uint64_t)sel->sport << 16 | sel->sport_mask);
	hash = hash_mix(hash, (uint64_t)sel->family << 32 |
				  (uint64_t)sel->prefixlen_d << 16 |
				  (uint64_t)sel->prefixlen_s << 8 | sel->proto);
	hash = hash_mix(hash, (uint64_t)(uint32_t)sel->ifindex << 32 | sel->user);
	return hash & UINT32_MAX;
}

static bool find_place(const struct nlmsghdr *nlh, const struct nlattr *attr,
		       size_t size, uint32_t *ret)
{
	if (attr && attr->nla_len < sizeof(*attr) + size)
		return false;
	*ret = attr ? (uint32_t)((const char *)(attr + 1) - (const char *)nlh) : 0;
	return true;
}

/* Of an algorithm only the presence is read, never the key behind it. Returns false if
 * an attribute is too short. */
static bool find_places(const struct nlmsghdr *nlh,
			const struct nlattr *const attrs[N_ATTRS],
			struct sa_places *ret)
{
	ret->keyed_esp = attrs[XFRMA_ALG_AEAD] || attrs[XFRMA_ALG_CRYPT];
	ret->keyed_ah = attrs[XFRMA_ALG_AUTH] || attrs[XFRMA_ALG_AUTH_TRUNC];
	return find_place(nlh, attrs[XFRMA_MARK], sizeof(struct xfrm_mark),
			  &ret->mark) &&
	       find_place(nlh, attrs[XFRMA_IF_ID], sizeof(uint32_t), &ret->if_id) &&
	       find_place(nlh, attrs[QM_XFRMA_SA_PCPU], sizeof(uint32_t), &ret->pcpu) &&
	       find_place(nlh, attrs[XFRMA_REPLAY_VAL],
			  sizeof(struct xfrm_replay_state), &ret->replay) &&
	       find_place(nlh, attrs[XFRMA_REPLAY_ESN_VAL],
			  sizeof(struct xfrm_replay_state_esn), &ret->replay_esn) &&
	       find_place(nlh, attrs[XFRMA_OFFLOAD_DEV],
			  sizeof(struct xfrm_user_offload), &ret->offload) &&
	       find_place(nlh, attrs[QM_XFRMA_SA_DIR], sizeof(uint8_t), &ret->dir);
}

/*
 * An outbound SA takes a sequence number for every packet, before it counts the packet
 * (xfrm_output_one), and curlft is in a message before the replay state is. So an SA
 * that has carried packets without a number is inbound, even if it has no replay window
 * and never checks the numbers (xfrm_replay_check, xfrm_replay_advance).
 */
static enum sa_direction read_sequence(const struct sa_answer *answer)
{
	const struct sa_places *places = answer->places;
	struct xfrm_replay_state plain = {0};
	struct xfrm_replay_state_esn esn = {0};

	if (!places->replay && !places->replay_esn)
		return SA_DIR_UNKNOWN;
	if (places->replay)
		memcpy(&plain, sa_answer_value(answer, places->replay), sizeof(plain));
	if (places->replay_esn)
		memcpy(&esn, sa_answer_value(answer, places->replay_esn), sizeof(esn));
	if (plain.oseq || esn.oseq || esn.oseq_hi)
		return SA_DIR_OUT;
	return plain.seq || plain.bitmap || esn.seq || esn.seq_hi ||
		       answer->info->curlft.packets
		   ? SA_DIR_IN
		   : SA_DIR_UNKNOWN;
}

static enum sa_direction read_declared(const struct sa_answer *answer)
{
	const struct sa_places *places = answer->places;
	const uint8_t *dir = sa_answer_value(answer, places->dir);
	const struct xfrm_user_offload *offload =
	    sa_answer_value(answer, places->offload);

	if (places->dir && *dir == QM_XFRM_SA_DIR_IN)
		return SA_DIR_IN;
	if (places->dir && *dir == QM_XFRM_SA_DIR_OUT)
		return SA_DIR_OUT;
	if (!places->offload)
		return SA_DIR_UNKNOWN;
	return offload->flags & XFRM_OFFLOAD_INBOUND ? SA_DIR_IN : SA_DIR_OUT;
}

int sa_answer_parse(const struct sa_answer *answer, struct sa *ret)
{
	const uint16_t family = sa_answer_family(answer);

	/* verify_newsa_info() in net/xfrm/xfrm_user.c admits no other */
	if (family != AF_INET && family != AF_INET6)
		return -EBADMSG;
	*ret = (struct sa){
	    .spi = sa_answer_spi(answer),
	    .reqid = sa_answer_reqid(answer),
	    .if_id = sa_answer_if_id(answer),
	    .mark = sa_answer_mark(answer),
	    .mark_mask = sa_answer_mark_mask(answer),
	    .pcpu = sa_answer_u32(answer, answer->places->pcpu, UINT32_MAX) + 1,
	    .family = family,
	    .proto = sa_answer_proto(answer),
	    .mode = sa_answer_mode(answer),
	    .acquire = sa_answer_is_acquire(answer),
	    .keyed = sa_answer_is_keyed(answer),
	    .replay_protected = sa_answer_is_replay_protected(answer),
	    .sample = sa_answer_sample(answer),
	    .add_time = sa_answer_add_time(answer),
	    .selector = selector_hash(&answer->info->sel),
	    .declared = read_declared(answer),
	    .sequence = read_sequence(answer),
	};
	message_copy_addr(&ret->saddr, sa_answer_saddr(answer), family);
	message_copy_addr(&ret->daddr, sa_answer_daddr(answer), family);
	return 0;
}

/* header: bytes of the fixed header. It begins with the struct xfrm_usersa_info, which
 * a DELSA has in XFRMA_SA instead. */
static int read_sa(const struct nlmsghdr *nlh, size_t header, struct sa *ret)
{
	const struct nlattr *attrs[N_ATTRS];
	struct sa_places places;
	struct sa_answer answer = {nlh, (const void *)(nlh + 1), &places};
	int err = message_find_attrs(nlh, header, attrs, N_ATTRS);

	if (err)
		return err;
	if (nlh->nlmsg_type == XFRM_MSG_DELSA) {
		const struct nlattr *nested = attrs[XFRMA_SA];

		if (!nested || nested->nla_len < sizeof(*nested) + sizeof(sa_info))
			return -EBADMSG;
		answer.info = (const void *)(nested + 1);
	}
	return find_places(nlh, attrs, &places) ? sa_answer_parse(&answer, ret)
						: -EBADMSG;
}

bool sa_layout_learn(const struct nlmsghdr *nlh, struct sa_layout *ret)
{
	const struct nlattr *attrs[N_ATTRS];

	ret->message.len = 0;
	if (message_find_attrs(nlh, sizeof(sa_info), attrs, N_ATTRS) < 0 ||
	    !find_places(nlh, attrs, &ret->places))
		return false;
	message_note_layout(nlh, sizeof(sa_info), &ret->message);
	return true;
}

static int read_expire(const struct nlmsghdr *nlh, struct sa_event *event)
{
	struct xfrm_user_expire expire;
	int err = message_get_header(nlh, &expire, sizeof(expire));

	if (!err && expire.hard)
		event->type = SA_EVENT_EXPIRE_HARD;
	return err;
}

static int read_flush(const struct nlmsghdr *nlh, struct sa_event *event)
{
	struct xfrm_usersa_flush flush;
	int err = message_get_header(nlh, &flush, sizeof(flush));

	/* 255 is IPSEC_PROTO_ANY: ESP, AH and IPComp */
	if (!err)
		event->proto = flush.proto == 255 ? 0 : flush.proto;
	return err;
}

static const struct message_type {
	uint16_t type;
	const char *name;
	enum sa_event_type event;
	size_t header; /* bytes of the fixed header; 0: the message has no SA */
} message_types[] = {
    {XFRM_MSG_NEWSA, "NEWSA", SA_EVENT_NEW, sizeof(struct xfrm_usersa_info)},
    {XFRM_MSG_UPDSA, "UPDSA", SA_EVENT_UPDATE, sizeof(struct xfrm_usersa_info)},
    {XFRM_MSG_DELSA, "DELSA", SA_EVENT_DELETE, sizeof(struct xfrm_usersa_id)},
    {XFRM_MSG_EXPIRE, "EXPIRE", SA_EVENT_EXPIRE_SOFT, sizeof(struct xfrm_user_expire)},
    {XFRM_MSG_FLUSHSA, "FLUSHSA", SA_EVENT_FLUSH, 0},
    {XFRM_MSG_MIGRATE, "MIGRATE", SA_EVENT_MIGRATE, 0},
    {QM_XFRM_MSG_MIGRATE_STATE, "MIGRATE_STATE", SA_EVENT_MIGRATE, 0},
    {XFRM_MSG_NEWPOLICY, "NEWPOLICY", SA_EVENT_POLICY, 0},
    {XFRM_MSG_UPDPOLICY, "UPDPOLICY", SA_EVENT_POLICY, 0},
    {XFRM_MSG_DELPOLICY, "DELPOLICY", SA_EVENT_POLICY, 0},
    {XFRM_MSG_POLEXPIRE, "POLEXPIRE", SA_EVENT_POLICY, 0},
    {XFRM_MSG_FLUSHPOLICY, "FLUSHPOLICY", SA_EVENT_POLICY, 0},
};

static const struct message_type *find_type(const struct nlmsghdr *nlh)
{
	static const struct message_type other = {0, "other", SA_EVENT_OTHER, 0};

	for (size_t i = 0; i < ARRAY_SIZE(message_types); i++)
		if (message_types[i].type == nlh->nlmsg_type)
			return &message_types[i];
	return &other;
}

int sa_event_parse(const struct nlmsghdr *nlh, struct sa_event *ret_event)
{
	const struct message_type *type = find_type(nlh);
	struct sa_event event = {.type = type->event};
	int err = type->header ? read_sa(nlh, type->header, &event.sa) : 0;

	if (!err && nlh->nlmsg_type == XFRM_MSG_EXPIRE)
		err = read_expire(nlh, &event);
	if (!err && nlh->nlmsg_type == XFRM_MSG_FLUSHSA)
		err = read_flush(nlh, &event);
	if (!err)
		*ret_event = event;
	return err;
}

/* Texts. */

const char *sa_proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_COMP:
		return "comp";
	case IPPROTO_IPIP:
		return "ipip";
	case IPPROTO_IPV6:
		return "ipv6";
	default:
		return "other";
	}
}

const char *sa_mode_name(uint8_t mode)
{
	switch (mode) {
	case XFRM_MODE_TRANSPORT:
		return "transport";
	case XFRM_MODE_TUNNEL:
		return "tunnel";
	case XFRM_MODE_BEET:
		return "beet";
	case QM_XFRM_MODE_IPTFS:
		return "iptfs";
	default:
		return "other";
	}
}

const char *sa_describe(const struct sa *sa, char *text, size_t size)
{
	char saddr[INET6_ADDRSTRLEN] = "?";
	char daddr[INET6_ADDRSTRLEN] = "?";

	inet_ntop(sa->family, &sa->saddr, saddr, sizeof(saddr));
	inet_ntop(sa->family, &sa->daddr, daddr, sizeof(daddr));
	snprintf(text, size, "%s %s%#x %s > %s reqid %u", sa_proto_name(sa->proto),
		 sa->acquire ? "acquire " : "", sa->spi, saddr, daddr, sa->reqid);
	return text;
}

const char *sa_describe_message(const struct nlmsghdr *nlh, char *text, size_t size)
{
	char sa_text[SA_TEXT_SIZE] = "";
	struct sa_event event;
	int err = sa_event_parse(nlh, &event);

	if (!err && event.sa.family)
		sa_describe(&event.sa, sa_text, sizeof(sa_text));
	snprintf(text, size, "%s, %u bytes%s%s%s", find_type(nlh)->name, nlh->nlmsg_len,
		 err ? ", malformed" : "", *sa_text ? ": " : "", sa_text);
	return text;
}

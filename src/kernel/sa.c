/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <stdio.h>

#include "kernel/message.h"
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

/* In a message, where it is aligned to four bytes only. It is read in place: a copy
 * would be the slowest part of a poll. */
typedef struct xfrm_usersa_info sa_info __attribute__((aligned(NLMSG_ALIGNTO)));

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

/* The value at a place, to be read only if that is not 0. */
static const void *value_at(const struct nlmsghdr *nlh, uint32_t place)
{
	return (const char *)nlh + place;
}

/* The same of 32 bits, or another value if there is no such attribute. */
static uint32_t u32_at(const struct nlmsghdr *nlh, uint32_t place, uint32_t otherwise)
{
	const uint32_t *value = value_at(nlh, place);

	return place ? *value : otherwise;
}

static bool is_keyed(const sa_info *info, const struct sa_places *places)
{
	if (info->id.proto == IPPROTO_ESP)
		return places->keyed_esp;
	return info->id.proto == IPPROTO_AH && places->keyed_ah;
}

/* With ESN the window in xfrm_usersa_info is 0. */
static bool is_replay_protected(const struct nlmsghdr *nlh, const sa_info *info,
				const struct sa_places *places)
{
	const struct xfrm_replay_state_esn *esn = value_at(nlh, places->replay_esn);

	return places->replay_esn ? esn->replay_window > 0 : info->replay_window > 0;
}

static int read_info(const struct nlmsghdr *nlh, const sa_info *info,
		     const struct sa_places *places, struct sa *ret)
{
	const struct xfrm_mark *mark = value_at(nlh, places->mark);
	const uint16_t family = info->family;

	/* verify_newsa_info() in net/xfrm/xfrm_user.c admits no other */
	if (family != AF_INET && family != AF_INET6)
		return -EBADMSG;
	ret->acquire = info->id.spi == 0;
	ret->spi = ret->acquire ? info->seq : ntohl(info->id.spi);
	ret->reqid = info->reqid;
	ret->if_id = u32_at(nlh, places->if_id, 0);
	ret->mark = places->mark ? mark->v : 0;
	ret->mark_mask = places->mark ? mark->m : 0;
	ret->pcpu = 0;
	ret->family = family;
	ret->proto = info->id.proto;
	ret->mode = info->mode;
	ret->keyed = is_keyed(info, places);
	ret->replay_protected = is_replay_protected(nlh, info, places);
	ret->zero = 0;
	message_copy_addr(&ret->saddr, &info->saddr, family);
	message_copy_addr(&ret->daddr, &info->id.daddr, family);
	ret->sample.bytes = info->curlft.bytes;
	ret->sample.packets = info->curlft.packets;
	ret->sample.integrity_failed = info->stats.integrity_failed;
	ret->sample.replay = info->stats.replay;
	ret->sample.replay_window = info->stats.replay_window;
	ret->sample.zero = 0;
	ret->add_time = info->curlft.add_time;
	ret->selector = 0;
	ret->declared = SA_DIR_UNKNOWN;
	ret->sequence = SA_DIR_UNKNOWN;
	return 0;
}

/*
 * An outbound SA takes a sequence number for every packet, before it counts the packet
 * (xfrm_output_one), and curlft is in a message before the replay state is. So an SA
 * that has carried packets without a number is inbound, even if it has no replay window
 * and never checks the numbers (xfrm_replay_check, xfrm_replay_advance).
 */
static enum sa_direction read_sequence(const struct nlmsghdr *nlh, const sa_info *info,
				       const struct sa_places *places)
{
	struct xfrm_replay_state plain = {0};
	struct xfrm_replay_state_esn esn = {0};

	if (!places->replay && !places->replay_esn)
		return SA_DIR_UNKNOWN;
	if (places->replay)
		memcpy(&plain, value_at(nlh, places->replay), sizeof(plain));
	if (places->replay_esn)
		memcpy(&esn, value_at(nlh, places->replay_esn), sizeof(esn));
	if (plain.oseq || esn.oseq || esn.oseq_hi)
		return SA_DIR_OUT;
	return plain.seq || plain.bitmap || esn.seq || esn.seq_hi ||
		       info->curlft.packets
		   ? SA_DIR_IN
		   : SA_DIR_UNKNOWN;
}

static enum sa_direction read_declared(const struct nlmsghdr *nlh,
				       const struct sa_places *places)
{
	const uint8_t *dir = value_at(nlh, places->dir);
	const struct xfrm_user_offload *offload = value_at(nlh, places->offload);

	if (places->dir && *dir == QM_XFRM_SA_DIR_IN)
		return SA_DIR_IN;
	if (places->dir && *dir == QM_XFRM_SA_DIR_OUT)
		return SA_DIR_OUT;
	if (!places->offload)
		return SA_DIR_UNKNOWN;
	return offload->flags & XFRM_OFFLOAD_INBOUND ? SA_DIR_IN : SA_DIR_OUT;
}

static void read_rest(const struct nlmsghdr *nlh, const sa_info *info,
		      const struct sa_places *places, struct sa *sa)
{
	sa->selector = selector_hash(&info->sel);
	sa->pcpu = u32_at(nlh, places->pcpu, UINT32_MAX) + 1;
	sa->declared = read_declared(nlh, places);
	sa->sequence = read_sequence(nlh, info, places);
}

/* header: bytes of the fixed header. It begins with the struct xfrm_usersa_info, which
 * a DELSA has in XFRMA_SA instead. */
static int read_sa(const struct nlmsghdr *nlh, size_t header, struct sa *ret)
{
	const sa_info *info = (const void *)(nlh + 1);
	const struct nlattr *attrs[N_ATTRS];
	struct sa_places places;
	int err = message_find_attrs(nlh, header, attrs, N_ATTRS);

	if (err)
		return err;
	if (nlh->nlmsg_type == XFRM_MSG_DELSA) {
		const struct nlattr *nested = attrs[XFRMA_SA];

		if (!nested || nested->nla_len < sizeof(*nested) + sizeof(*info))
			return -EBADMSG;
		info = (const void *)(nested + 1);
	}
	if (!find_places(nlh, attrs, &places))
		return -EBADMSG;
	err = read_info(nlh, info, &places, ret);
	if (!err)
		read_rest(nlh, info, &places, ret);
	return err;
}

/* Returns false if the answer is malformed. */
static bool learn_layout(const struct nlmsghdr *nlh, struct sa_layout *ret)
{
	const struct nlattr *attrs[N_ATTRS];

	ret->message.len = 0;
	if (message_find_attrs(nlh, sizeof(sa_info), attrs, N_ATTRS) < 0 ||
	    !find_places(nlh, attrs, &ret->places))
		return false;
	message_note_layout(nlh, sizeof(sa_info), &ret->message);
	return true;
}

/* Returns the places of an answer, or NULL if it is malformed. */
static const struct sa_places *find_layout(const struct nlmsghdr *nlh,
					   struct sa_layouts *layouts)
{
	struct sa_layout *layout =
	    &layouts->by_length[nlh->nlmsg_len / NLMSG_ALIGNTO % SA_LAYOUTS];

	return message_has_layout(nlh, &layout->message) || learn_layout(nlh, layout)
		   ? &layout->places
		   : NULL;
}

int sa_answer_parse(const struct nlmsghdr *nlh, struct sa_layouts *layouts,
		    struct sa *ret)
{
	const struct sa_places *places;

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA)
		return -ENOENT;
	places = find_layout(nlh, layouts);
	return places ? read_info(nlh, (const void *)(nlh + 1), places, ret) : -EBADMSG;
}

void sa_answer_parse_rest(const struct nlmsghdr *nlh, struct sa_layouts *layouts,
			  struct sa *sa)
{
	const struct sa_places *places = find_layout(nlh, layouts);

	if (places)
		read_rest(nlh, (const void *)(nlh + 1), places, sa);
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

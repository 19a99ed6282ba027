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

/* Sets all but the selector; what only attributes show is unknown. */
static void read_info(struct sa *sa, const sa_info *info)
{
	bool acquire = info->id.spi == 0;

	*sa = (struct sa){
	    .spi = acquire ? info->seq : ntohl(info->id.spi),
	    .reqid = info->reqid,
	    .if_id = 0,
	    .mark = 0,
	    .mark_mask = 0,
	    .pcpu = 0,
	    .family = info->family,
	    .proto = info->id.proto,
	    .mode = info->mode,
	    .acquire = acquire,
	    .keyed = false,
	    .replay_protected = info->replay_window > 0,
	    .zero = 0,
	    .sample = {.bytes = info->curlft.bytes,
		       .packets = info->curlft.packets,
		       .integrity_failed = info->stats.integrity_failed,
		       .replay = info->stats.replay,
		       .replay_window = info->stats.replay_window},
	    .add_time = info->curlft.add_time,
	    .selector = 0,
	    .declared = SA_DIR_UNKNOWN,
	    .sequence = SA_DIR_UNKNOWN,
	};
	message_copy_addr(&sa->saddr, &info->saddr, info->family);
	message_copy_addr(&sa->daddr, &info->id.daddr, info->family);
}

/*
 * An outbound SA takes a sequence number for every packet, before it counts the packet
 * (xfrm_output_one), and curlft is in a message before the replay state is. So an SA
 * that has carried packets without a number is inbound, even if it has no replay window
 * and never checks the numbers (xfrm_replay_check, xfrm_replay_advance).
 */
static bool read_replay(struct sa *sa, const struct nlattr *const attrs[N_ATTRS])
{
	struct xfrm_replay_state plain = {0};
	struct xfrm_replay_state_esn esn = {0};

	if (!attrs[XFRMA_REPLAY_VAL] && !attrs[XFRMA_REPLAY_ESN_VAL])
		return true;
	if (!message_copy_attr(attrs[XFRMA_REPLAY_VAL], &plain, sizeof(plain)) ||
	    !message_copy_attr(attrs[XFRMA_REPLAY_ESN_VAL], &esn, sizeof(esn)))
		return false;
	/* with ESN the window in xfrm_usersa_info is 0 */
	if (attrs[XFRMA_REPLAY_ESN_VAL])
		sa->replay_protected = esn.replay_window > 0;
	if (plain.oseq || esn.oseq || esn.oseq_hi)
		sa->sequence = SA_DIR_OUT;
	else if (plain.seq || plain.bitmap || esn.seq || esn.seq_hi ||
		 sa->sample.packets)
		sa->sequence = SA_DIR_IN;
	return true;
}

static bool read_direction(struct sa *sa, const struct nlattr *const attrs[N_ATTRS])
{
	struct xfrm_user_offload offload = {0};
	uint8_t dir = 0;

	if (!message_copy_attr(attrs[XFRMA_OFFLOAD_DEV], &offload, sizeof(offload)) ||
	    !message_copy_attr(attrs[QM_XFRMA_SA_DIR], &dir, sizeof(dir)))
		return false;
	if (dir == QM_XFRM_SA_DIR_IN || dir == QM_XFRM_SA_DIR_OUT)
		sa->declared = dir == QM_XFRM_SA_DIR_IN ? SA_DIR_IN : SA_DIR_OUT;
	else if (attrs[XFRMA_OFFLOAD_DEV])
		sa->declared =
		    offload.flags & XFRM_OFFLOAD_INBOUND ? SA_DIR_IN : SA_DIR_OUT;
	return true;
}

/* Returns false if an attribute is too short. */
static bool read_attrs(struct sa *sa, const struct nlattr *const attrs[N_ATTRS])
{
	struct xfrm_mark mark = {0};
	uint32_t cpu = UINT32_MAX; /* none */

	if (!message_copy_attr(attrs[XFRMA_MARK], &mark, sizeof(mark)) ||
	    !message_copy_attr(attrs[XFRMA_IF_ID], &sa->if_id, sizeof(sa->if_id)) ||
	    !message_copy_attr(attrs[QM_XFRMA_SA_PCPU], &cpu, sizeof(cpu)))
		return false;
	sa->mark = mark.v;
	sa->mark_mask = mark.m;
	sa->pcpu = cpu + 1;
	/* of an algorithm only the presence is read, never the key behind it */
	if (sa->proto == IPPROTO_ESP)
		sa->keyed = attrs[XFRMA_ALG_AEAD] || attrs[XFRMA_ALG_CRYPT];
	else if (sa->proto == IPPROTO_AH)
		sa->keyed = attrs[XFRMA_ALG_AUTH] || attrs[XFRMA_ALG_AUTH_TRUNC];
	return read_replay(sa, attrs) && read_direction(sa, attrs);
}

/* header: bytes of the fixed header. It begins with the struct xfrm_usersa_info, which
 * a DELSA has in XFRMA_SA instead. */
static int read_sa(const struct nlmsghdr *nlh, size_t header, const sa_info **ret_info,
		   struct sa *ret)
{
	const struct nlattr *attrs[N_ATTRS];
	const struct nlattr *nested;

	if (message_find_attrs(nlh, header, attrs, N_ATTRS) < 0)
		return -EBADMSG;
	*ret_info = (const void *)(nlh + 1);
	if (nlh->nlmsg_type == XFRM_MSG_DELSA) {
		nested = attrs[XFRMA_SA];
		if (!nested || nested->nla_len < sizeof(*nested) + sizeof(**ret_info))
			return -EBADMSG;
		*ret_info = (const void *)(nested + 1);
	}
	read_info(ret, *ret_info);
	/* verify_newsa_info() in net/xfrm/xfrm_user.c admits no other */
	if (ret->family != AF_INET && ret->family != AF_INET6)
		return -EBADMSG;
	return read_attrs(ret, attrs) ? 0 : -EBADMSG;
}

int sa_answer_parse(const struct nlmsghdr *nlh, struct sa *ret)
{
	const sa_info *info;

	return nlh->nlmsg_type == XFRM_MSG_NEWSA
		   ? read_sa(nlh, sizeof(*info), &info, ret)
		   : -ENOENT;
}

void sa_answer_parse_selector(const struct nlmsghdr *nlh, struct sa *sa)
{
	const sa_info *info = (const void *)(nlh + 1);

	sa->selector = selector_hash(&info->sel);
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
	const sa_info *info;
	int err = type->header ? read_sa(nlh, type->header, &info, &event.sa) : 0;

	if (!err && type->header)
		event.sa.selector = selector_hash(&info->sel);
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

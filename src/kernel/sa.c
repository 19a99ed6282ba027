/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa.h"

#include <errno.h>
#include <linux/xfrm.h>

#include <libmnl/libmnl.h>

#include "util/hash.h"
#include "kernel/message.h"

/* Names that the headers of Linux 6.1 lack; the numbers are ABI (6.10, 6.13, 6.14). */
#define QM_XFRMA_SA_DIR 33
#define QM_XFRMA_SA_PCPU 35
#define QM_XFRM_SA_DIR_IN 1
#define QM_XFRM_SA_DIR_OUT 2
#define QM_XFRM_MODE_IPTFS 5
#ifndef XFRM_OFFLOAD_INBOUND
#define XFRM_OFFLOAD_INBOUND 2
#endif

bool sa_mode_is_tunnel(uint8_t mode)
{
	return mode == XFRM_MODE_TUNNEL || mode == QM_XFRM_MODE_IPTFS;
}

/* Field by field: the padding holds whatever the keying daemon left there. */
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
	return hash_mix(hash, (uint64_t)(uint32_t)sel->ifindex << 32 | sel->user);
}

static void read_info(struct sa *sa, const struct xfrm_usersa_info *info)
{
	sa->family = info->family;
	message_copy_addr(&sa->saddr, &info->saddr, info->family);
	message_copy_addr(&sa->daddr, &info->id.daddr, info->family);
	sa->proto = info->id.proto;
	sa->mode = info->mode;
	sa->acquire = info->id.spi == 0;
	sa->spi = sa->acquire ? info->seq : ntohl(info->id.spi);
	sa->reqid = info->reqid;
	sa->selector = selector_hash(&info->sel);
	sa->add_time = info->curlft.add_time;
	sa->bytes = info->curlft.bytes;
	sa->packets = info->curlft.packets;
	sa->integrity_failed = info->stats.integrity_failed;
	sa->replay = info->stats.replay;
	sa->replay_window = info->stats.replay_window;
	sa->replay_protected = info->replay_window > 0;
}

/*
 * An outbound SA takes a sequence number for every packet, before it counts the packet
 * (xfrm_output_one), and curlft is in a message before the replay state is. So an SA
 * that has carried packets without a number was inbound, even if it has no replay
 * window and thus never looks at the numbers (xfrm_replay_check, xfrm_replay_advance).
 */
static void note_sequence(struct sa *sa, bool sent, bool received)
{
	if (sent)
		sa->sequence = SA_DIR_OUT;
	else if (received || sa->packets > 0)
		sa->sequence = SA_DIR_IN;
}

static int read_replay(struct sa *sa, const struct nlattr *attr)
{
	struct xfrm_replay_state state;
	int err = message_get_attr(attr, &state, sizeof(state));

	if (!err)
		note_sequence(sa, state.oseq > 0, state.seq > 0 || state.bitmap > 0);
	return err;
}

/* With ESN the window in xfrm_usersa_info is 0; this attribute has the true one. */
static int read_replay_esn(struct sa *sa, const struct nlattr *attr)
{
	struct xfrm_replay_state_esn state;
	int err = message_get_attr(attr, &state, sizeof(state));

	if (err)
		return err;
	sa->replay_protected = state.replay_window > 0;
	note_sequence(sa, state.oseq > 0 || state.oseq_hi > 0,
		      state.seq > 0 || state.seq_hi > 0);
	return 0;
}

static int read_offload(struct sa *sa, const struct nlattr *attr)
{
	struct xfrm_user_offload offload;
	int err = message_get_attr(attr, &offload, sizeof(offload));

	if (!err && sa->declared == SA_DIR_UNKNOWN)
		sa->declared =
		    offload.flags & XFRM_OFFLOAD_INBOUND ? SA_DIR_IN : SA_DIR_OUT;
	return err;
}

static int read_dir(struct sa *sa, const struct nlattr *attr)
{
	uint8_t dir;
	int err = message_get_attr(attr, &dir, sizeof(dir));

	if (!err && dir == QM_XFRM_SA_DIR_IN)
		sa->declared = SA_DIR_IN;
	if (!err && dir == QM_XFRM_SA_DIR_OUT)
		sa->declared = SA_DIR_OUT;
	return err;
}

static int read_pcpu(struct sa *sa, const struct nlattr *attr)
{
	uint32_t cpu;
	int err = message_get_attr(attr, &cpu, sizeof(cpu));

	if (!err)
		sa->pcpu = cpu + 1;
	return err;
}

/* Of an algorithm only that it is there counts: its bytes are never looked at. */
static int read_attr(void *ctx, const struct nlattr *attr)
{
	struct sa *sa = ctx;

	switch (mnl_attr_get_type(attr)) {
	case XFRMA_ALG_AEAD:
	case XFRMA_ALG_CRYPT:
		sa->keyed |= sa->proto == IPPROTO_ESP;
		break;
	case XFRMA_ALG_AUTH:
	case XFRMA_ALG_AUTH_TRUNC:
		sa->keyed |= sa->proto == IPPROTO_AH;
		break;
	case XFRMA_REPLAY_VAL:
		return read_replay(sa, attr);
	case XFRMA_REPLAY_ESN_VAL:
		return read_replay_esn(sa, attr);
	case XFRMA_MARK:
		return message_get_mark(attr, &sa->mark, &sa->mark_mask);
	case XFRMA_IF_ID:
		return message_get_attr(attr, &sa->if_id, sizeof(sa->if_id));
	case XFRMA_OFFLOAD_DEV:
		return read_offload(sa, attr);
	case QM_XFRMA_SA_DIR:
		return read_dir(sa, attr);
	case QM_XFRMA_SA_PCPU:
		return read_pcpu(sa, attr);
	}
	return 0;
}

/* NEWSA and UPDSA: struct xfrm_usersa_info, then the attributes. */
static int parse_newsa(const struct nlmsghdr *nlh, struct sa *ret)
{
	struct xfrm_usersa_info info;
	int err = message_get_header(nlh, &info, sizeof(info));

	if (err)
		return err;
	read_info(ret, &info);
	return message_for_each_attr(nlh, sizeof(info), read_attr, ret);
}

/* Returns 1 once it has found the SA. */
static int read_xfrma_sa(void *ctx, const struct nlattr *attr)
{
	struct xfrm_usersa_info info;
	int err;

	if (mnl_attr_get_type(attr) != XFRMA_SA)
		return 0;
	err = message_get_attr(attr, &info, sizeof(info));
	if (err)
		return err;
	read_info(ctx, &info);
	return 1;
}

/* DELSA: struct xfrm_usersa_id; XFRMA_SA holds the SA, its attributes stand beside it.
 */
static int parse_delsa(const struct nlmsghdr *nlh, struct sa *ret)
{
	const size_t header = sizeof(struct xfrm_usersa_id);
	int found = message_for_each_attr(nlh, header, read_xfrma_sa, ret);

	if (found <= 0)
		return -EBADMSG;
	return message_for_each_attr(nlh, header, read_attr, ret);
}

static int parse_expire(const struct nlmsghdr *nlh, struct sa_event *ret)
{
	struct xfrm_user_expire expire;
	int err = message_get_header(nlh, &expire, sizeof(expire));

	if (err)
		return err;
	ret->type = expire.hard ? SA_EVENT_EXPIRE_HARD : SA_EVENT_EXPIRE_SOFT;
	read_info(&ret->sa, &expire.state);
	return message_for_each_attr(nlh, sizeof(expire), read_attr, &ret->sa);
}

static int parse_flush(const struct nlmsghdr *nlh, struct sa_event *ret)
{
	struct xfrm_usersa_flush flush;
	int err = message_get_header(nlh, &flush, sizeof(flush));

	if (err)
		return err;
	ret->type = SA_EVENT_FLUSH;
	/* 255 is IPSEC_PROTO_ANY: ESP, AH and IPComp */
	ret->proto = flush.proto == 255 ? 0 : flush.proto;
	return 0;
}

int sa_event_parse(const struct nlmsghdr *nlh, struct sa_event *ret_event)
{
	struct sa_event event = {.type = SA_EVENT_OTHER};
	int err = 0;

	switch (nlh->nlmsg_type) {
	case XFRM_MSG_NEWSA:
		event.type = SA_EVENT_NEW;
		err = parse_newsa(nlh, &event.sa);
		break;
	case XFRM_MSG_UPDSA:
		event.type = SA_EVENT_UPDATE;
		err = parse_newsa(nlh, &event.sa);
		break;
	case XFRM_MSG_DELSA:
		event.type = SA_EVENT_DELETE;
		err = parse_delsa(nlh, &event.sa);
		break;
	case XFRM_MSG_EXPIRE:
		err = parse_expire(nlh, &event);
		break;
	case XFRM_MSG_FLUSHSA:
		err = parse_flush(nlh, &event);
		break;
	case XFRM_MSG_MIGRATE:
		event.type = SA_EVENT_MIGRATE;
		break;
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
	case XFRM_MSG_DELPOLICY:
	case XFRM_MSG_FLUSHPOLICY:
	case XFRM_MSG_POLEXPIRE:
		event.type = SA_EVENT_POLICY;
		break;
	}
	if (!err)
		*ret_event = event;
	return err;
}

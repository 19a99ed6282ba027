/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/message.h"
#include "kernel/sa.h"

/*
 * An SA in the message of a dump, where most SAs are only compared with what is known
 * of them. Everything is read in place: a copy would be the slowest part of a poll.
 */

/* In a message it is aligned to four bytes only. */
typedef struct xfrm_usersa_info sa_info __attribute__((aligned(NLMSG_ALIGNTO)));

/* Where the attributes that are read have their values in a message, in bytes from its
 * beginning; 0: it has no such attribute. */
struct sa_places {
	uint32_t mark;
	uint32_t if_id;
	uint32_t pcpu;
	uint32_t replay;
	uint32_t replay_esn;
	uint32_t offload;
	uint32_t dir;
	bool keyed_esp; /* it has what makes an ESP SA keyed; an AH SA */
	bool keyed_ah;
};

/* The layouts of the messages of a dump, by their lengths. Zeros: none is known. */
#define SA_LAYOUTS 8

struct sa_layouts {
	struct sa_layout {
		struct message_layout message;
		struct sa_places places;
	} by_length[SA_LAYOUTS];
};

struct sa_answer {
	const struct nlmsghdr *nlh;
	const sa_info *info;
	const struct sa_places *places;
};

/* Notes the layout of an answer. Returns false if that is malformed. */
bool sa_layout_learn(const struct nlmsghdr *nlh, struct sa_layout *ret);

/* Finds what a message of a dump shows. Returns 0; -ENOENT if the message is not about
 * an SA; or -EBADMSG. *ret is valid as long as the message is, and until the next call
 * with these layouts. */
static inline int sa_answer_find(const struct nlmsghdr *nlh, struct sa_layouts *layouts,
				 struct sa_answer *ret)
{
	struct sa_layout *layout =
	    &layouts->by_length[nlh->nlmsg_len / NLMSG_ALIGNTO % SA_LAYOUTS];

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA)
		return -ENOENT;
	if (!message_has_layout(nlh, &layout->message) && !sa_layout_learn(nlh, layout))
		return -EBADMSG;
	*ret = (struct sa_answer){nlh, (const void *)(nlh + 1), &layout->places};
	return 0;
}

/* Reads the whole SA. Returns 0, or -EBADMSG if it is of another address family. */
int sa_answer_parse(const struct sa_answer *answer, struct sa *ret);

/* Parts of it, with the meanings of the members of struct sa. */

/* The value at a place, to be read only if that is not 0. */
static inline const void *sa_answer_value(const struct sa_answer *answer,
					  uint32_t place)
{
	return (const char *)answer->nlh + place;
}

/* The same of 32 bits, or another value if there is no such attribute. */
static inline uint32_t sa_answer_u32(const struct sa_answer *answer, uint32_t place,
				     uint32_t otherwise)
{
	const uint32_t *value = sa_answer_value(answer, place);

	return place ? *value : otherwise;
}

static inline uint16_t sa_answer_family(const struct sa_answer *answer)
{
	return answer->info->family;
}

/* In place: of AF_INET four bytes, and others behind them that mean nothing. */
static inline const struct in6_addr *sa_answer_saddr(const struct sa_answer *answer)
{
	return (const void *)&answer->info->saddr;
}

static inline const struct in6_addr *sa_answer_daddr(const struct sa_answer *answer)
{
	return (const void *)&answer->info->id.daddr;
}

static inline uint8_t sa_answer_proto(const struct sa_answer *answer)
{
	return answer->info->id.proto;
}

static inline uint8_t sa_answer_mode(const struct sa_answer *answer)
{
	return answer->info->mode;
}

static inline uint32_t sa_answer_reqid(const struct sa_answer *answer)
{
	return answer->info->reqid;
}

static inline uint64_t sa_answer_add_time(const struct sa_answer *answer)
{
	return answer->info->curlft.add_time;
}

static inline bool sa_answer_is_acquire(const struct sa_answer *answer)
{
	return answer->info->id.spi == 0;
}

static inline uint32_t sa_answer_spi(const struct sa_answer *answer)
{
	return sa_answer_is_acquire(answer) ? answer->info->seq
					    : ntohl(answer->info->id.spi);
}

static inline uint32_t sa_answer_if_id(const struct sa_answer *answer)
{
	return sa_answer_u32(answer, answer->places->if_id, 0);
}

static inline uint32_t sa_answer_mark(const struct sa_answer *answer)
{
	const struct xfrm_mark *mark = sa_answer_value(answer, answer->places->mark);

	return answer->places->mark ? mark->v : 0;
}

static inline uint32_t sa_answer_mark_mask(const struct sa_answer *answer)
{
	const struct xfrm_mark *mark = sa_answer_value(answer, answer->places->mark);

	return answer->places->mark ? mark->m : 0;
}

static inline bool sa_answer_is_keyed(const struct sa_answer *answer)
{
	if (answer->info->id.proto == IPPROTO_ESP)
		return answer->places->keyed_esp;
	return answer->info->id.proto == IPPROTO_AH && answer->places->keyed_ah;
}

/* With ESN the window in xfrm_usersa_info is 0. */
static inline bool sa_answer_is_replay_protected(const struct sa_answer *answer)
{
	const struct xfrm_replay_state_esn *esn =
	    sa_answer_value(answer, answer->places->replay_esn);

	return answer->places->replay_esn ? esn->replay_window > 0
					  : answer->info->replay_window > 0;
}

static inline struct sa_sample sa_answer_sample(const struct sa_answer *answer)
{
	return (struct sa_sample){
	    .bytes = answer->info->curlft.bytes,
	    .packets = answer->info->curlft.packets,
	    .integrity_failed = answer->info->stats.integrity_failed,
	    .replay = answer->info->stats.replay,
	    .replay_window = answer->info->stats.replay_window,
	};
}

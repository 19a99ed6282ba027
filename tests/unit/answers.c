/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answers.h"

#include <stddef.h>
#include <string.h>

const struct sa_answer *answer_of(const struct sa *sa)
{
	static struct {
		struct nlmsghdr nlh;
		struct xfrm_usersa_info info;
		struct xfrm_mark mark;
		uint32_t if_id;
	} message;
	static struct sa_places places = {
	    .mark = offsetof(typeof(message), mark),
	    .if_id = offsetof(typeof(message), if_id),
	};
	static const struct sa_answer answer = {&message.nlh, &message.info, &places};
	struct xfrm_usersa_info *info = &message.info;

	places.keyed_esp = places.keyed_ah = sa->keyed;
	message.mark.v = sa->mark;
	message.mark.m = sa->mark_mask;
	message.if_id = sa->if_id;
	memcpy(&info->saddr, &sa->saddr, sizeof(info->saddr));
	memcpy(&info->id.daddr, &sa->daddr, sizeof(info->id.daddr));
	info->id.spi = sa->acquire ? 0 : htonl(sa->spi);
	info->id.proto = sa->proto;
	info->seq = sa->acquire ? sa->spi : 0;
	info->reqid = sa->reqid;
	info->family = sa->family;
	info->mode = sa->mode;
	info->replay_window = sa->replay_protected;
	info->curlft.bytes = sa->sample.bytes;
	info->curlft.packets = sa->sample.packets;
	info->curlft.add_time = sa->add_time;
	info->stats.integrity_failed = sa->sample.integrity_failed;
	info->stats.replay = sa->sample.replay;
	info->stats.replay_window = sa->sample.replay_window;
	return &answer;
}

static bool is_addr(const struct in6_addr *shown, const struct in6_addr *addr,
		    uint16_t family)
{
	return !memcmp(shown, addr,
		       family == AF_INET ? sizeof(struct in_addr)
					 : sizeof(struct in6_addr));
}

bool answer_shows(const struct sa_answer *answer, const struct sa *sa)
{
	const struct sa_sample sample = sa_answer_sample(answer);

	return sa_answer_is_acquire(answer) == sa->acquire &&
	       sa_answer_spi(answer) == sa->spi &&
	       sa_answer_proto(answer) == sa->proto &&
	       sa_answer_mode(answer) == sa->mode &&
	       sa_answer_family(answer) == sa->family &&
	       is_addr(sa_answer_saddr(answer), &sa->saddr, sa->family) &&
	       is_addr(sa_answer_daddr(answer), &sa->daddr, sa->family) &&
	       sa_answer_reqid(answer) == sa->reqid &&
	       sa_answer_if_id(answer) == sa->if_id &&
	       sa_answer_mark(answer) == sa->mark &&
	       sa_answer_mark_mask(answer) == sa->mark_mask &&
	       sa_answer_is_keyed(answer) == sa->keyed &&
	       sa_answer_is_replay_protected(answer) == sa->replay_protected &&
	       sa_answer_add_time(answer) == sa->add_time &&
	       !memcmp(&sample, &sa->sample, sizeof(sample));
}

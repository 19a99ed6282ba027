/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is a datagram of NETLINK_XFRM: events, or answers to a dump of SAs. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "kernel/sa_answer.h"
#include "tests/unit/answers.h"
#include "util/text.h"

static void check_sa(const struct sa *sa)
{
	static const struct in6_addr zero;
	char text[SA_TEXT_SIZE];

	if (sa->family == AF_INET) {
		HOLDS(!memcmp(sa->saddr.s6_addr + 4, zero.s6_addr, 12));
		HOLDS(!memcmp(sa->daddr.s6_addr + 4, zero.s6_addr, 12));
	}
	HOLDS(!sa->keyed || sa_is_ipsec(sa));
	HOLDS(!sa->zero && !sa->sample.zero);
	HOLDS(sa->selector <= UINT32_MAX);
	HOLDS(sa->declared <= SA_DIR_OUT && sa->sequence <= SA_DIR_OUT);
	HOLDS(text_is_clean(sa_describe(sa, text, sizeof(text))));
	HOLDS(strlen(text) + 1 < sizeof(text)); /* it is not cut */
}

static bool has_sa(enum sa_event_type type)
{
	return type == SA_EVENT_NEW || type == SA_EVENT_UPDATE ||
	       type == SA_EVENT_DELETE || type == SA_EVENT_EXPIRE_SOFT ||
	       type == SA_EVENT_EXPIRE_HARD;
}

/* Returns whether there is one. */
static bool read_event(const struct nlmsghdr *nlh, struct sa_event *ret)
{
	struct sa_event before;
	int err;

	memset(&before, 0xa5, sizeof(before));
	memcpy(ret, &before, sizeof(before));
	err = sa_event_parse(nlh, ret);
	HOLDS(err == 0 || err == -EBADMSG);
	HOLDS(!err || !memcmp(ret, &before, sizeof(before)));
	if (!err && has_sa(ret->type))
		check_sa(&ret->sa);
	return !err;
}

/* The two ways to read a NEWSA agree. */
static void read_answer(const struct nlmsghdr *nlh, struct sa_layouts *layouts,
			const struct sa_event *event)
{
	struct sa_answer answer;
	struct sa sa;
	int err = sa_answer_find(nlh, layouts, &answer);

	if (!err)
		err = sa_answer_parse(&answer, &sa);
	HOLDS(err == 0 || err == -EBADMSG || err == -ENOENT);
	HOLDS((err == -ENOENT) == (!event || event->type != SA_EVENT_NEW) ||
	      (!event && err == -EBADMSG));
	if (err)
		return;
	HOLDS(event != NULL);
	HOLDS(answer_shows(&answer, &sa));
	HOLDS(!memcmp(&sa, &event->sa, sizeof(sa)));
}

/* The second time its layout is known. */
static void read_message(void *ctx, const struct nlmsghdr *nlh)
{
	struct sa_layouts *layouts = ctx;
	struct sa_event event;
	bool good = read_event(nlh, &event);
	char text[SA_TEXT_SIZE];

	for (int i = 0; i < 2; i++)
		read_answer(nlh, layouts, good ? &event : NULL);
	HOLDS(text_is_clean(sa_describe_message(nlh, text, sizeof(text))));
	HOLDS(!good == (strstr(text, "malformed") != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sa_layouts layouts = {0};

	each_message(data, size, read_message, &layouts);
	return 0;
}

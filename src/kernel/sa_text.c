/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa_text.h"

#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <stdio.h>

static const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_COMP:
		return "comp";
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
	snprintf(text, size, "%s %s%#x %s > %s reqid %u", proto_name(sa->proto),
		 sa->acquire ? "acquire " : "", sa->spi, saddr, daddr, sa->reqid);
	return text;
}

static const struct {
	uint16_t type;
	const char *name;
} types[] = {
    {XFRM_MSG_NEWSA, "NEWSA"},
    {XFRM_MSG_UPDSA, "UPDSA"},
    {XFRM_MSG_DELSA, "DELSA"},
    {XFRM_MSG_EXPIRE, "EXPIRE"},
    {XFRM_MSG_FLUSHSA, "FLUSHSA"},
    {XFRM_MSG_MIGRATE, "MIGRATE"},
    {XFRM_MSG_NEWPOLICY, "NEWPOLICY"},
    {XFRM_MSG_UPDPOLICY, "UPDPOLICY"},
    {XFRM_MSG_DELPOLICY, "DELPOLICY"},
    {XFRM_MSG_POLEXPIRE, "POLEXPIRE"},
    {XFRM_MSG_FLUSHPOLICY, "FLUSHPOLICY"},
};

static const char *type_name(uint16_t type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "other";
}

const char *sa_describe_message(const struct nlmsghdr *nlh, char *text, size_t size)
{
	char sa_text[SA_TEXT_SIZE] = "";
	struct sa_event event;
	int err = sa_event_parse(nlh, &event);

	if (!err && event.sa.family)
		sa_describe(&event.sa, sa_text, sizeof(sa_text));
	snprintf(text, size, "%s, %u bytes%s%s%s", type_name(nlh->nlmsg_type),
		 nlh->nlmsg_len, err ? ", malformed" : "", *sa_text ? ": " : "",
		 sa_text);
	return text;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/local_addr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"
#include "util/array.h"

static int compare(const void *left, const void *right)
{
	const struct local_addr *a = left;
	const struct local_addr *b = right;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

struct reader {
	struct local_addr local;
	bool found;
};

/* On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL one's own. */
static int read_attr(void *ctx, const struct nlattr *attr)
{
	struct reader *reader = ctx;
	uint16_t type = mnl_attr_get_type(attr);
	int err;

	if (type != IFA_LOCAL && (type != IFA_ADDRESS || reader->found))
		return 0;
	err =
	    message_get_attr(attr, &reader->local.addr,
			     reader->local.family == AF_INET ? sizeof(struct in_addr)
							     : sizeof(struct in6_addr));
	reader->found = !err;
	return err;
}

int local_addrs_add(struct local_addrs *addrs, const struct nlmsghdr *nlh)
{
	struct reader reader = {.found = false};
	struct ifaddrmsg msg;
	int err;

	if (nlh->nlmsg_type != RTM_NEWADDR)
		return 0;
	err = message_get_header(nlh, &msg, sizeof(msg));
	if (err || (msg.ifa_family != AF_INET && msg.ifa_family != AF_INET6))
		return err;
	reader.local.family = msg.ifa_family;
	reader.local.if_index = msg.ifa_index;
	err = message_for_each_attr(nlh, sizeof(msg), read_attr, &reader);
	if (err || !reader.found)
		return err;
	if (array_reserve(&addrs->addrs, addrs->n, 1) < 0)
		return -ENOMEM;
	addrs->addrs[addrs->n++] = reader.local;
	return 0;
}

void local_addrs_sort(struct local_addrs *addrs)
{
	if (addrs->n)
		qsort(addrs->addrs, addrs->n, sizeof(*addrs->addrs), compare);
}

const struct local_addr *local_addrs_find(const struct local_addrs *addrs,
					  uint16_t family, const struct in6_addr *addr)
{
	struct local_addr key = {.addr = *addr, .family = family};

	if (!addrs->n)
		return NULL;
	return bsearch(&key, addrs->addrs, addrs->n, sizeof(key), compare);
}

bool local_addrs_on(const struct local_addrs *addrs, uint16_t family,
		    const struct in6_addr *addr, uint32_t if_index)
{
	const struct local_addr *found = local_addrs_find(addrs, family, addr);
	size_t at;

	if (!found)
		return false;
	at = (size_t)(found - addrs->addrs);
	while (at > 0 && !compare(&addrs->addrs[at - 1], found))
		at--;
	for (; at < addrs->n && !compare(&addrs->addrs[at], found); at++)
		if (addrs->addrs[at].if_index == if_index)
			return true;
	return false;
}

void local_addrs_clear(struct local_addrs *addrs)
{
	addrs->n = 0;
}

void local_addrs_free(struct local_addrs *addrs)
{
	free(addrs->addrs);
	*addrs = (struct local_addrs){0};
}

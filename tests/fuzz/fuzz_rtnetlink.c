/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is a datagram of NETLINK_ROUTE: links, addresses and answers of route
 * lookups. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "kernel/interface.h"
#include "kernel/route_lookup.h"

struct interfaces {
	struct local_addrs addrs;
	struct links links;
};

static void read_message(void *ctx, const struct nlmsghdr *nlh)
{
	struct interfaces *interfaces = ctx;
	struct route route = {.type = 0xa5, .if_index = 0xa5a5a5a5};
	int err = local_addrs_add(&interfaces->addrs, nlh);

	HOLDS(err == 0 || err == -EBADMSG);
	err = links_add(&interfaces->links, nlh);
	HOLDS(err == 0 || err == -EBADMSG);
	err = route_read(&route, nlh);
	HOLDS(err == 0 || err == -EBADMSG);
	HOLDS(!err || (route.type == 0xa5 && route.if_index == 0xa5a5a5a5));
}

static void check_addrs(struct local_addrs *addrs)
{
	static const struct in6_addr zero;

	local_addrs_sort(addrs);
	for (size_t i = 0; i < addrs->n; i++) {
		const struct local_addr *it = &addrs->addrs[i];
		const struct local_addr *found =
		    local_addrs_find(addrs, it->family, &it->addr);

		HOLDS(it->family == AF_INET || it->family == AF_INET6);
		HOLDS(it->family == AF_INET6 ||
		      !memcmp(it->addr.s6_addr + 4, zero.s6_addr, 12));
		HOLDS(found && found->family == it->family &&
		      !memcmp(&found->addr, &it->addr, sizeof(it->addr)));
		HOLDS(local_addrs_on(addrs, it->family, &it->addr, it->if_index));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct interfaces interfaces = {.addrs = {.n = 0}};

	each_message(data, size, read_message, &interfaces);
	check_addrs(&interfaces.addrs);
	for (size_t i = 0; i < interfaces.links.n; i++)
		HOLDS(links_find(&interfaces.links,
				 interfaces.links.links[i].if_index) != NULL);
	local_addrs_free(&interfaces.addrs);
	links_free(&interfaces.links);
	return 0;
}

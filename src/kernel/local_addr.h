/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The addresses of a namespace's interfaces, from rtnetlink's RTM_NEWADDR. An IPv4
 * address is in the first four bytes, and the rest is zero. */
struct local_addr {
	struct in6_addr addr;
	uint16_t family;
	uint32_t if_index;
};

struct local_addrs {
	struct local_addr *addrs; /* sorted after local_addrs_sort() */
	size_t n;
};

/* Adds the address of an RTM_NEWADDR message. Returns 0, also for any other message;
 * -EBADMSG if the message is malformed; or -ENOMEM. */
int local_addrs_add(struct local_addrs *addrs, const struct nlmsghdr *nlh);

/* The functions below need sorted addresses. */
void local_addrs_sort(struct local_addrs *addrs);

/* Returns the entry of an address, or NULL if it is not local. */
const struct local_addr *local_addrs_find(const struct local_addrs *addrs,
					  uint16_t family, const struct in6_addr *addr);

/* Returns true if that interface has the address; several interfaces may. */
bool local_addrs_on(const struct local_addrs *addrs, uint16_t family,
		    const struct in6_addr *addr, uint32_t if_index);

/* Removes all addresses; local_addrs_free() also frees the memory. */
void local_addrs_clear(struct local_addrs *addrs);
void local_addrs_free(struct local_addrs *addrs);

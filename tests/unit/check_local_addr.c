/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/interface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

static int add(struct local_addrs *addrs, struct nlmsghdr *nlh)
{
	int err = local_addrs_add(addrs, nlh);

	free(nlh);
	return err;
}

static const struct local_addr *find(const struct local_addrs *addrs, const char *text)
{
	const struct in6_addr addr = addr_of(text);

	return local_addrs_find(addrs, family_of(text), &addr);
}

CHAPTER(NULL, NULL);

TEST(both_families)
{
	struct local_addrs addrs = {0};

	ck_assert_int_eq(add(&addrs, message_newaddr("10.0.0.1", "10.0.0.1", 2)), 0);
	ck_assert_int_eq(add(&addrs, message_newaddr("2001:db8::1", NULL, 3)), 0);
	local_addrs_sort(&addrs);
	ck_assert_uint_eq(addrs.n, 2);
	ck_assert_ptr_nonnull(find(&addrs, "10.0.0.1"));
	ck_assert_uint_eq(find(&addrs, "10.0.0.1")->if_index, 2);
	ck_assert_uint_eq(find(&addrs, "2001:db8::1")->if_index, 3);
	ck_assert_ptr_null(find(&addrs, "10.0.0.2"));
	ck_assert_ptr_null(find(&addrs, "2001:db8::2"));
	local_addrs_free(&addrs);
}

/* a00:1:: begins with the bytes of 10.0.0.1 */
TEST(family_is_part_of_the_address)
{
	struct local_addrs addrs = {0};

	ck_assert_int_eq(add(&addrs, message_newaddr("10.0.0.1", NULL, 2)), 0);
	local_addrs_sort(&addrs);
	ck_assert_ptr_null(find(&addrs, "a00:1::"));
	ck_assert_ptr_nonnull(find(&addrs, "10.0.0.1"));
	local_addrs_free(&addrs);
}

/* IFA_ADDRESS is the address of the peer. */
TEST(point_to_point)
{
	struct local_addrs addrs = {0};

	ck_assert_int_eq(add(&addrs, message_newaddr("10.0.0.9", "10.0.0.1", 2)), 0);
	local_addrs_sort(&addrs);
	ck_assert_uint_eq(addrs.n, 1);
	ck_assert_ptr_nonnull(find(&addrs, "10.0.0.1"));
	ck_assert_ptr_null(find(&addrs, "10.0.0.9"));
	local_addrs_free(&addrs);
}

TEST(order_of_attributes_does_not_matter)
{
	const struct ifaddrmsg msg = {.ifa_family = AF_INET, .ifa_index = 1};
	const struct in6_addr local = addr_of("10.0.0.1");
	const struct in6_addr peer = addr_of("10.0.0.9");
	struct nlmsghdr *bare = message_raw(RTM_NEWADDR, &msg, sizeof(msg));
	struct nlmsghdr *first = message_with_attr(bare, IFA_LOCAL, &local, 4);
	struct nlmsghdr *both = message_with_attr(first, IFA_ADDRESS, &peer, 4);
	struct local_addrs addrs = {0};

	ck_assert_int_eq(add(&addrs, both), 0);
	local_addrs_sort(&addrs);
	ck_assert_ptr_nonnull(find(&addrs, "10.0.0.1"));
	ck_assert_ptr_null(find(&addrs, "10.0.0.9"));
	free(bare);
	free(first);
	local_addrs_free(&addrs);
}

TEST(what_adds_nothing)
{
	const struct ifaddrmsg msg = {.ifa_family = AF_INET, .ifa_index = 1};
	const struct ifaddrmsg bridge = {.ifa_family = AF_BRIDGE, .ifa_index = 1};
	struct nlmsghdr *foreign = message_newaddr("10.0.0.1", NULL, 1);
	struct local_addrs addrs = {0};

	foreign->nlmsg_type = RTM_DELADDR;
	ck_assert_int_eq(add(&addrs, foreign), 0);
	ck_assert_int_eq(add(&addrs, message_raw(RTM_NEWADDR, &msg, sizeof(msg))), 0);
	ck_assert_int_eq(add(&addrs, message_raw(RTM_NEWADDR, &bridge, sizeof(bridge))),
			 0);
	ck_assert_uint_eq(addrs.n, 0);
	local_addrs_sort(&addrs);
	ck_assert_ptr_null(find(&addrs, "10.0.0.1"));
	local_addrs_free(&addrs);
}

TEST(short_messages_are_bad)
{
	const struct ifaddrmsg msg = {.ifa_family = AF_INET6, .ifa_index = 1};
	struct nlmsghdr *bare = message_raw(RTM_NEWADDR, &msg, sizeof(msg));
	struct local_addrs addrs = {0};

	ck_assert_int_eq(add(&addrs, message_cut(bare, NLMSG_HDRLEN + 7)), -EBADMSG);
	ck_assert_int_eq(add(&addrs, message_with_attr(bare, IFA_ADDRESS, "1234", 4)),
			 -EBADMSG);
	for (uint32_t len = 0; len < NLMSG_HDRLEN; len++) {
		struct nlmsghdr *nlh = message_raw(RTM_NEWADDR, NULL, 0);

		nlh->nlmsg_len = len;
		ck_assert_int_eq(add(&addrs, nlh), -EBADMSG);
	}
	ck_assert_uint_eq(addrs.n, 0);
	free(bare);
	local_addrs_free(&addrs);
}

TEST(cut_at_every_length)
{
	struct nlmsghdr *nlh = message_newaddr("2001:db8::1", "2001:db8::2", 4);
	struct local_addrs addrs = {0};

	for (size_t len = NLMSG_HDRLEN; len < nlh->nlmsg_len; len++) {
		int err = add(&addrs, message_cut(nlh, len));

		ck_assert_msg(err == 0 || err == -EBADMSG, "%d at %zu", err, len);
	}
	free(nlh);
	local_addrs_free(&addrs);
}

TEST(many_addresses)
{
	struct local_addrs addrs = {0};
	char text[32];

	for (unsigned i = 0; i < 300; i++) {
		unsigned mixed = i * 7 % 300;

		snprintf(text, sizeof(text), "10.1.%u.%u", mixed / 256, mixed % 256);
		ck_assert_int_eq(add(&addrs, message_newaddr(text, text, i + 1)), 0);
	}
	local_addrs_sort(&addrs);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
		ck_assert_ptr_nonnull(find(&addrs, text));
	}
	ck_assert_ptr_null(find(&addrs, "10.1.1.44"));
	local_addrs_clear(&addrs);
	ck_assert_ptr_null(find(&addrs, "10.1.0.0"));
	ck_assert_int_eq(add(&addrs, message_newaddr("10.0.0.1", NULL, 1)), 0);
	local_addrs_sort(&addrs);
	ck_assert_ptr_nonnull(find(&addrs, "10.0.0.1"));
	local_addrs_free(&addrs);
	ck_assert_uint_eq(addrs.n, 0);
}

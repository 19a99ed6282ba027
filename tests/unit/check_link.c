/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/interface.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "messages.h"
#include "runner.h"

static struct links links;

static void setup(void)
{
	links = (struct links){0};
}

static void teardown(void)
{
	links_free(&links);
}

static int add(struct nlmsghdr *nlh)
{
	int err = links_add(&links, nlh);

	free(nlh);
	return err;
}

CHAPTER(setup, teardown);

TEST(an_xfrm_interface)
{
	ck_assert_int_eq(
	    add(message_newlink(5, "xfrm", IFLA_XFRM_LINK, 2, IFLA_XFRM_IF_ID, 77)), 0);
	ck_assert_ptr_nonnull(links_find(&links, 5));
	ck_assert_uint_eq(links_find(&links, 5)->if_id, 77);
	ck_assert_uint_eq(links_find(&links, 5)->out_mark, 0);
	ck_assert_ptr_null(links_find(&links, 2));
}

TEST(a_vti)
{
	static const char *const kinds[] = {"vti", "vti6"};

	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    add(message_newlink(5 + i, kinds[i], IFLA_VTI_IKEY, htonl(3),
					IFLA_VTI_OKEY, htonl(4))),
		    0);
		ck_assert_uint_eq(links_find(&links, 5 + i)->in_mark, 3);
		ck_assert_uint_eq(links_find(&links, 5 + i)->out_mark, 4);
		ck_assert_uint_eq(links_find(&links, 5 + i)->if_id, 0);
	}
}

TEST(others)
{
	ck_assert_int_eq(add(message_newlink(1, "veth", IFLA_XFRM_IF_ID, 7, 3, 8)), 0);
	ck_assert_int_eq(add(message_newlink(1, "xfrms", IFLA_XFRM_IF_ID, 7, 3, 8)), 0);
	ck_assert_int_eq(add(message_newlink(1, "xfr", IFLA_XFRM_IF_ID, 7, 3, 8)), 0);
	ck_assert_int_eq(add(message_newlink(1, "xfrm", IFLA_XFRM_LINK, 7, 3, 8)), 0);
	ck_assert_int_eq(add(message_newaddr("10.0.0.1", NULL, 2)), 0);
	ck_assert_uint_eq(links.n, 0);
}

/* Cut at any length: nothing beyond the end is read, and no partial result is kept. */
TEST(cut_messages)
{
	struct nlmsghdr *whole =
	    message_newlink(5, "xfrm", IFLA_XFRM_LINK, 2, IFLA_XFRM_IF_ID, 77);

	for (size_t len = sizeof(*whole); len < whole->nlmsg_len; len++) {
		int err = add(message_cut(whole, len));

		ck_assert(err == 0 || err == -EBADMSG);
		ck_assert_uint_eq(links.n, 0);
	}
	ck_assert_int_eq(add(whole), 0);
	ck_assert_uint_eq(links.n, 1);
}

TEST(a_nest_that_claims_too_much)
{
	struct nlmsghdr *nlh =
	    message_newlink(5, "xfrm", IFLA_XFRM_LINK, 2, IFLA_XFRM_IF_ID, 77);
	char *at = (char *)nlh;
	struct nlattr *last =
	    (struct nlattr *)(void *)(at + nlh->nlmsg_len - 2 * sizeof(uint32_t));

	ck_assert_uint_eq(last->nla_type, IFLA_XFRM_IF_ID);
	last->nla_len = 200;
	ck_assert_int_eq(add(nlh), -EBADMSG);
	nlh = message_newlink(5, "xfrm", IFLA_XFRM_LINK, 2, IFLA_XFRM_IF_ID, 77);
	last = (struct nlattr *)(void *)((char *)nlh + nlh->nlmsg_len -
					 2 * sizeof(uint32_t));
	last->nla_len = 6;
	ck_assert_int_eq(add(nlh), -EBADMSG);
	nlh = message_newlink(5, "vti", IFLA_VTI_IKEY, 3, IFLA_VTI_OKEY, 4);
	last = (struct nlattr *)(void *)((char *)nlh + nlh->nlmsg_len -
					 2 * sizeof(uint32_t));
	last->nla_len = 6;
	ck_assert_int_eq(add(nlh), -EBADMSG);
	ck_assert_uint_eq(links.n, 0);
}

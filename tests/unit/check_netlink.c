/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netlink.h"
#include "kernel/netns.h"
#include "kernel/route_lookup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "messages.h"
#include "privilege.h"
#include "runner.h"

/* Requests to the kernel that runs the test. They need neither root nor a network,
 * since a loopback interface always exists. */

static int requests;
static uint32_t seq;
static _Alignas(struct nlmsghdr) char answers[32768];

static void open_requests(int protocol)
{
	requests = netlink_open_requests(protocol);
	ck_assert_int_ge(requests, 0);
}

static void setup(void)
{
	memset(answers, 0, sizeof(answers));
	open_requests(NETLINK_ROUTE);
}

static void teardown(void)
{
	close(requests);
}

CHAPTER(setup, teardown);

/* Before Linux 5.14 a namespace has no cookie. */
TEST(the_cookie_of_this_namespace)
{
	uint64_t cookie = 0;
	int err = netns_cookie(requests, &cookie);

	ck_assert(err == -ENOPROTOOPT || (err == 0 && cookie != 0));
}

static int ask_links(uint16_t type, uint16_t flags, struct netlink_reader *reader)
{
	_Alignas(struct nlmsghdr) char room[64];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct ifinfomsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = ++seq;
	msg->ifi_index = 1;
	return netlink_request(&requests, nlh, reader);
}

/* The callback for messages returns *ctx, or 0 if ctx is NULL. */
static int answer(void *ctx, const struct nlmsghdr *nlh)
{
	ck_assert_int_eq(nlh->nlmsg_type, RTM_NEWLINK);
	return ctx ? *(int *)ctx : 0;
}

static struct netlink_reader reader_of(int *result)
{
	return (struct netlink_reader){
	    .cb = answer, .ctx = result, .buffer = answers, .size = sizeof(answers)};
}

TEST(a_dump_has_all_answers_and_one_request_one)
{
	struct netlink_reader dump = reader_of(NULL);
	struct netlink_reader one = reader_of(NULL);

	ck_assert_int_eq(ask_links(RTM_GETLINK, NLM_F_DUMP, &dump), 0);
	ck_assert_uint_ge(dump.n_answers, 1);
	ck_assert_int_eq(ask_links(RTM_GETLINK, 0, &one), 0);
	ck_assert_uint_eq(one.n_answers, 1);
	ck_assert_int_ge(requests, 0);
}

/* Any result but 0 ends the dump (see kernel.h). The rest is discarded with the
 * socket. */
TEST(the_callback_ends_a_dump_with_its_result)
{
	int results[] = {-ENOMEM, 7};

	for (size_t i = 0; i < 2; i++) {
		struct netlink_reader reader = reader_of(&results[i]);

		ck_assert_int_eq(ask_links(RTM_GETLINK, NLM_F_DUMP, &reader),
				 results[i]);
		ck_assert_uint_eq(reader.n_answers, 1);
		ck_assert_int_eq(requests, -1);
		open_requests(NETLINK_ROUTE);
	}
}

TEST(the_callback_of_the_only_answer_leaves_the_socket_open)
{
	int result = -ENOENT;
	struct netlink_reader reader = reader_of(&result);

	ck_assert_int_eq(ask_links(RTM_GETLINK, 0, &reader), -ENOENT);
	ck_assert_int_ge(requests, 0);
}

TEST(an_error_of_the_kernel_leaves_the_socket_open)
{
	struct netlink_reader reader = reader_of(NULL);

	ck_assert_int_eq(ask_links(RTM_MAX + 1, 0, &reader), -EOPNOTSUPP);
	ck_assert_uint_eq(reader.n_answers, 0);
	ck_assert_int_ge(requests, 0);
}

TEST(an_answer_longer_than_the_buffer)
{
	struct netlink_reader reader = reader_of(NULL);

	reader.size = 64;
	memset(answers, 0x5a, sizeof(answers));
	ck_assert_int_eq(ask_links(RTM_GETLINK, 0, &reader), -ENOSPC);
	ck_assert_uint_eq(reader.n_answers, 0);
	ck_assert_int_eq(requests, -1);
	for (size_t i = 0; i < sizeof(answers); i++)
		ck_assert_int_eq(answers[i], i < 64 ? 0 : 0x5a);
}

TEST(the_buffer_is_wiped)
{
	struct netlink_reader reader = reader_of(NULL);

	ck_assert_int_eq(ask_links(RTM_GETLINK, 0, &reader), 0);
	for (size_t i = 0; i < sizeof(answers); i++)
		ck_assert_int_eq(answers[i], 0);
}

/* The rest of an earlier dump is not an answer: its first part is here already. */
TEST(answers_to_an_earlier_request)
{
	_Alignas(struct nlmsghdr) char room[64];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct netlink_reader reader = reader_of(NULL);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++seq;
	ck_assert_int_eq(send(requests, nlh, nlh->nlmsg_len, 0), nlh->nlmsg_len);
	ck_assert_int_eq(ask_links(RTM_GETLINK, 0, &reader), 0);
	ck_assert_uint_eq(reader.n_answers, 1);
}

/* The other end of this pair is not the kernel. */
TEST(answers_of_somebody_else)
{
	const struct timeval timeout = {.tv_usec = 1000};
	const struct nlmsghdr done = {
	    .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE, .nlmsg_seq = seq + 1};
	struct netlink_reader reader = reader_of(NULL);
	int pair[2];

	close(requests);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	requests = pair[0];
	setsockopt(requests, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	ck_assert_int_eq(send(pair[1], &done, sizeof(done), 0), sizeof(done));
	ck_assert_int_eq(ask_links(RTM_GETLINK, 0, &reader), -ETIMEDOUT);
	ck_assert_uint_eq(reader.n_answers, 0);
	ck_assert_int_eq(requests, -1);
	close(pair[1]);
}

/* Sockets. */

static const int link_group = RTNLGRP_LINK;

static int receive_buffer(int fd)
{
	int size = 0;
	socklen_t len = sizeof(size);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
	return size;
}

/* Otherwise net.core.rmem_max limits it. */
TEST(the_buffer_of_events_is_as_large_as_permitted)
{
	int usual = netlink_open_events(NETLINK_ROUTE, &link_group, 1, 0);
	int small = netlink_open_events(NETLINK_ROUTE, &link_group, 1, 4096);
	int large;

	privilege_drop_net_admin();
	large = netlink_open_events(NETLINK_ROUTE, &link_group, 1, 1 << 30);
	ck_assert_int_lt(receive_buffer(small), receive_buffer(usual));
	ck_assert_int_ge(receive_buffer(large), receive_buffer(usual));
	ck_assert_int_ne(receive_buffer(large), receive_buffer(small));
	ck_assert_int_eq(netlink_receive(large, answers, sizeof(answers)), 0);
	close(usual);
	close(small);
	close(large);
}

TEST(sockets_that_cannot_be_opened)
{
	const int no_group = 12345;
	int next = dup(requests);

	close(next);
	ck_assert_int_eq(netlink_open_events(NETLINK_ROUTE, &no_group, 1, 0), -EINVAL);
	ck_assert_int_eq(netlink_open_events(MAX_LINKS, &link_group, 1, 0),
			 -EPROTONOSUPPORT);
	ck_assert_int_eq(netlink_open_requests(MAX_LINKS), -EPROTONOSUPPORT);
	ck_assert_int_eq(dup(requests), next); /* none is left open */
	close(next);
}

/* Routes. */

/* The kernel permits bind() to a local address (inet_addr_type()). */
static bool can_be_bound_to(const struct in6_addr *addr)
{
	struct sockaddr_in name = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool can;

	memcpy(&name.sin_addr, addr, sizeof(name.sin_addr));
	can = bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0;
	close(fd);
	return can;
}

TEST(the_type_of_a_route)
{
	static const char *const addrs[] = {"127.0.0.1", "192.0.2.77", "127.1.2.3",
					    "203.0.113.5"};

	for (size_t i = 0; i < sizeof(addrs) / sizeof(*addrs); i++) {
		const struct in6_addr addr = addr_of(addrs[i]);
		const struct route_query query = {.family = AF_INET, .remote = &addr};
		struct route route = {.type = 77};

		ck_assert_int_eq(route_look_up(&requests, ++seq, &query, &route), 0);
		ck_assert_uint_ne(route.type, 77);
		ck_assert_msg((route.type == RTN_LOCAL) == can_be_bound_to(&addr), "%s",
			      addrs[i]);
		ck_assert_int_ge(requests, 0);
	}
}

/* Loopback has index 1 in every network namespace. */
TEST(the_interface_of_a_route)
{
	const struct in6_addr any = {0};
	const struct in6_addr local = addr_of("127.0.0.1");
	const struct in6_addr remote = addr_of("127.0.0.2");
	struct route_query query = {AF_INET, &remote, &any, 0, 0};
	struct route route = {0};

	ck_assert_int_eq(route_look_up(&requests, ++seq, &query, &route), 0);
	ck_assert_uint_eq(route.if_index, 1);
	query = (struct route_query){AF_INET, &remote, &local, 1, 0};
	route.if_index = 0;
	ck_assert_int_eq(route_look_up(&requests, ++seq, &query, &route), 0);
	ck_assert_uint_eq(route.if_index, 1);
	query = (struct route_query){AF_INET, &remote, NULL, 0, 0x12345678};
	route.if_index = 0;
	ck_assert_int_eq(route_look_up(&requests, ++seq, &query, &route), 0);
	ck_assert_uint_eq(route.if_index, 1);
	query.bound = 0x7ffffff0;
	ck_assert_int_lt(route_look_up(&requests, ++seq, &query, &route), 0);
	ck_assert_int_ge(requests, 0);
}

TEST(an_answer_that_does_not_come)
{
	const struct in6_addr addr = addr_of("127.0.0.1");
	const struct route_query query = {.family = AF_INET, .remote = &addr};
	struct route route = {.type = 77};

	/* rtnetlink rejects this request */
	close(requests);
	open_requests(NETLINK_USERSOCK);
	ck_assert_int_lt(route_look_up(&requests, ++seq, &query, &route), 0);
	ck_assert_uint_eq(route.type, 77);
	ck_assert_int_eq(requests, -1);
}

static struct nlmsghdr *new_route(bool has_oif)
{
	char buffer[128];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct rtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));

	msg->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_TABLE, 254);
	if (has_oif)
		mnl_attr_put_u32(nlh, RTA_OIF, 9);
	return message_raw(RTM_NEWROUTE, mnl_nlmsg_get_payload(nlh),
			   mnl_nlmsg_get_payload_len(nlh));
}

TEST(a_route_message)
{
	struct nlmsghdr *nlh = new_route(true);
	struct route route = {.type = 77, .if_index = 1};

	for (size_t len = sizeof(*nlh); len < nlh->nlmsg_len; len++) {
		struct nlmsghdr *cut = message_cut(nlh, len);
		struct route read = {.if_index = 1};

		ck_assert(route_read(&read, cut) == -EBADMSG || !read.if_index);
		free(cut);
	}
	ck_assert_int_eq(route_read(&route, nlh), 0);
	ck_assert_uint_eq(route.type, RTN_UNICAST);
	ck_assert_uint_eq(route.if_index, 9);
	nlh->nlmsg_type = RTM_NEWADDR;
	route.if_index = 1;
	ck_assert_int_eq(route_read(&route, nlh), -EBADMSG);
	ck_assert_uint_eq(route.if_index, 1);
	free(nlh);
	nlh = new_route(false);
	ck_assert_int_eq(route_read(&route, nlh), 0);
	ck_assert_uint_eq(route.if_index, 0);
	free(nlh);
}

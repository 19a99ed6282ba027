/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/policy.h"

#include <errno.h>
#include <string.h>

#include "messages.h"
#include "runner.h"

static struct policy_values outbound(void)
{
	return (struct policy_values){
	    .saddr = "10.0.0.1",
	    .daddr = "10.0.1.0",
	    .saddr_prefix = 32,
	    .daddr_prefix = 24,
	    .proto = IPPROTO_TCP,
	    .sport = 1000,
	    .sport_mask = 0xff00,
	    .dport = 3260,
	    .dport_mask = 0xffff,
	    .dir = XFRM_POLICY_OUT,
	    .action = XFRM_POLICY_ALLOW,
	    .priority = 375423,
	    .has_mark = true,
	    .mark = 7,
	    .mark_mask = 15,
	    .has_if_id = true,
	    .if_id = 42,
	    .n_templates = 1,
	    .templates = {{.saddr = "10.9.0.1",
			   .daddr = "10.9.0.2",
			   .family = AF_INET,
			   .proto = IPPROTO_ESP,
			   .mode = XFRM_MODE_TUNNEL,
			   .spi = 0xc1020304,
			   .reqid = 16}},
	};
}

static struct policy parse(struct nlmsghdr *nlh)
{
	struct policy policy;

	memset(&policy, 0x5a, sizeof(policy));
	ck_assert_int_eq(policy_parse(nlh, &policy), 0);
	free(nlh);
	return policy;
}

static void reject(struct nlmsghdr *nlh, int want)
{
	struct policy policy;
	struct policy before;

	memset(&policy, 0x5a, sizeof(policy));
	before = policy;
	ck_assert_int_eq(policy_parse(nlh, &policy), want);
	ck_assert_mem_eq(&policy, &before, sizeof(policy));
	free(nlh);
}

CHAPTER(NULL, NULL);

TEST(every_field)
{
	const struct policy_values values = outbound();
	const struct policy policy = parse(message_newpolicy(&values));
	const struct in6_addr saddr = addr_of("10.0.0.1");
	const struct in6_addr daddr = addr_of("10.0.1.0");
	const struct in6_addr end = addr_of("10.9.0.2");

	ck_assert_int_eq(policy.dir, POLICY_OUT);
	ck_assert_uint_eq(policy.priority, 375423);
	ck_assert_uint_eq(policy.if_id, 42);
	ck_assert_uint_eq(policy.mark, 7);
	ck_assert_uint_eq(policy.mark_mask, 15);
	ck_assert_uint_eq(policy.family, AF_INET);
	ck_assert_mem_eq(&policy.saddr, &saddr, sizeof(saddr));
	ck_assert_mem_eq(&policy.daddr, &daddr, sizeof(daddr));
	ck_assert_uint_eq(policy.saddr_prefix, 32);
	ck_assert_uint_eq(policy.daddr_prefix, 24);
	ck_assert_uint_eq(policy.proto, IPPROTO_TCP);
	ck_assert_uint_eq(policy.sport, 1000);
	ck_assert_uint_eq(policy.sport_mask, 0xff00);
	ck_assert_uint_eq(policy.dport, 3260);
	ck_assert_uint_eq(policy.dport_mask, 0xffff);
	ck_assert(policy.allow);
	ck_assert_uint_eq(policy.n_templates, 1);
	ck_assert_mem_eq(&policy.templates[0].daddr, &end, sizeof(end));
	ck_assert_uint_eq(policy.templates[0].spi, 0xc1020304);
	ck_assert_uint_eq(policy.templates[0].reqid, 16);
	ck_assert_uint_eq(policy.templates[0].family, AF_INET);
	ck_assert_uint_eq(policy.templates[0].proto, IPPROTO_ESP);
	ck_assert_uint_eq(policy.templates[0].mode, XFRM_MODE_TUNNEL);
}

TEST(directions_and_actions)
{
	struct policy_values values = outbound();

	values.dir = XFRM_POLICY_IN;
	ck_assert_int_eq(parse(message_newpolicy(&values)).dir, POLICY_IN);
	values.dir = XFRM_POLICY_FWD;
	ck_assert_int_eq(parse(message_newpolicy(&values)).dir, POLICY_FWD);
	values.action = XFRM_POLICY_BLOCK;
	ck_assert(!parse(message_newpolicy(&values)).allow);
}

TEST(policies_of_sockets_are_left_out)
{
	struct policy_values values = outbound();

	for (uint8_t dir = XFRM_POLICY_MAX; dir < 8; dir++) {
		values.dir = dir;
		reject(message_newpolicy(&values), -ENOENT);
	}
}

TEST(other_messages_are_left_out)
{
	const char payload[256] = {0};

	reject(message_raw(XFRM_MSG_NEWSA, payload, sizeof(payload)), -ENOENT);
	reject(message_raw(XFRM_MSG_DELPOLICY, payload, sizeof(payload)), -ENOENT);
	reject(message_raw(0, NULL, 0), -ENOENT);
}

TEST(without_templates)
{
	struct policy_values values = outbound();
	struct policy policy;

	values.n_templates = 0;
	values.has_mark = values.has_if_id = false;
	policy = parse(message_newpolicy(&values));
	ck_assert_uint_eq(policy.n_templates, 0);
	ck_assert_uint_eq(policy.mark, 0);
	ck_assert_uint_eq(policy.mark_mask, 0);
	ck_assert_uint_eq(policy.if_id, 0);
}

TEST(six_templates_and_no_more)
{
	struct policy_values values = outbound();
	struct policy policy;

	for (size_t i = 0; i < 7; i++) {
		values.templates[i] = values.templates[0];
		values.templates[i].reqid = (uint32_t)i + 1;
	}
	values.n_templates = 6;
	policy = parse(message_newpolicy(&values));
	ck_assert_uint_eq(policy.n_templates, 6);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_uint_eq(policy.templates[i].reqid, i + 1);
	values.n_templates = 7;
	reject(message_newpolicy(&values), -EBADMSG);
}

TEST(ipv6_template)
{
	struct policy_values values = outbound();
	const struct in6_addr want = addr_of("2001:db8::9");
	struct policy policy;

	values.templates[0].saddr = "2001:db8::8";
	values.templates[0].daddr = "2001:db8::9";
	values.templates[0].family = AF_INET6;
	policy = parse(message_newpolicy(&values));
	ck_assert_mem_eq(&policy.templates[0].daddr, &want, sizeof(want));
}

TEST(short_attributes_are_bad)
{
	struct policy_values values = outbound();
	struct nlmsghdr *nlh;

	values.has_mark = values.has_if_id = false;
	nlh = message_newpolicy(&values);
	reject(message_with_attr(nlh, XFRMA_MARK, "1234567", 7), -EBADMSG);
	reject(message_with_attr(nlh, XFRMA_IF_ID, "123", 3), -EBADMSG);
	parse(message_with_attr(nlh, XFRMA_MARK, "12345678", 8));
	parse(message_with_attr(nlh, 99, "123", 3));
	free(nlh);
}

TEST(cut_at_every_length)
{
	struct policy_values values = outbound();
	struct nlmsghdr *nlh = message_newpolicy(&values);

	for (size_t len = NLMSG_HDRLEN; len < nlh->nlmsg_len; len++) {
		struct nlmsghdr *cut = message_cut(nlh, len);
		struct policy policy;
		int err = policy_parse(cut, &policy);

		ck_assert_msg(err == 0 || err == -EBADMSG, "%d at %zu", err, len);
		free(cut);
	}
	reject(message_cut(nlh, NLMSG_HDRLEN + sizeof(struct xfrm_userpolicy_info) - 1),
	       -EBADMSG);
	free(nlh);
}

TEST(length_below_the_header_is_bad)
{
	for (uint32_t len = 0; len < NLMSG_HDRLEN; len++) {
		struct nlmsghdr *nlh = message_raw(XFRM_MSG_NEWPOLICY, NULL, 0);

		nlh->nlmsg_len = len;
		reject(nlh, -EBADMSG);
	}
}

TEST(attribute_beyond_the_end_is_bad)
{
	struct policy_values values = outbound();
	struct nlmsghdr *nlh = message_newpolicy(&values);
	struct nlattr *attr =
	    (void *)((char *)nlh + NLMSG_HDRLEN + sizeof(struct xfrm_userpolicy_info));

	attr->nla_len = 0x7fff;
	reject(nlh, -EBADMSG);
}

TEST(garbage)
{
	struct policy_values values = outbound();
	struct nlmsghdr *good = message_newpolicy(&values);
	unsigned state = 99;

	for (int i = 0; i < 100000; i++) {
		struct nlmsghdr *nlh = message_cut(good, good->nlmsg_len);
		struct policy policy;
		int err;

		for (int n = rand_r(&state) % 8; n > 0; n--)
			((uint8_t *)
			     nlh)[NLMSG_HDRLEN + (unsigned)rand_r(&state) %
						     (good->nlmsg_len - NLMSG_HDRLEN)] =
			    (uint8_t)rand_r(&state);
		err = policy_parse(nlh, &policy);
		ck_assert(err == 0 || err == -EBADMSG || err == -ENOENT);
		ck_assert(err || policy.n_templates <= POLICY_MAX_TEMPLATES);
		free(nlh);
	}
	free(good);
}

/* Templates. */

static struct sa tunnel_sa(void)
{
	return (struct sa){
	    .saddr = addr_of("10.9.0.1"),
	    .daddr = addr_of("10.9.0.2"),
	    .family = AF_INET,
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .spi = 0x1234,
	    .reqid = 16,
	};
}

static struct policy_template exact_template(void)
{
	return (struct policy_template){
	    .saddr = addr_of("10.9.0.1"),
	    .daddr = addr_of("10.9.0.2"),
	    .spi = 0x1234,
	    .reqid = 16,
	    .family = AF_INET,
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	};
}

/* True if a policy with only this template claims the SA. */
static bool asks(struct policy_template template, struct sa sa)
{
	struct policy policy = {.n_templates = 1, .templates = {template}};

	return policies_ask_for(&policy, 1, &sa);
}

TEST(template_that_matches)
{
	const struct policy_template any = {.mode = XFRM_MODE_TUNNEL};
	struct policy_template exact = exact_template();

	ck_assert(asks(exact, tunnel_sa()));
	ck_assert(asks(any, tunnel_sa()));
	exact.spi = 0x1235; /* of the SA before the rekey */
	ck_assert(asks(exact, tunnel_sa()));
}

TEST(template_that_does_not)
{
	struct policy_template others[6];

	for (size_t i = 0; i < 6; i++)
		others[i] = exact_template();
	others[0].saddr = addr_of("10.9.0.3");
	others[1].daddr = addr_of("10.9.0.3");
	others[2].spi = 0x1235;
	others[2].reqid = 0;
	others[3].reqid = 17;
	others[4].proto = IPPROTO_AH;
	others[5].mode = XFRM_MODE_TRANSPORT;
	for (size_t i = 0; i < 6; i++)
		ck_assert_msg(!asks(others[i], tunnel_sa()), "%zu", i);
}

/* In transport mode the addresses of the template do not matter. Those of the
 * selector do, without a reqid. */
TEST(transport_templates)
{
	struct policy policy = {
	    .dir = POLICY_OUT,
	    .family = AF_INET,
	    .saddr = addr_of("10.9.0.1"),
	    .daddr = addr_of("10.9.0.0"),
	    .saddr_prefix = 32,
	    .daddr_prefix = 24,
	    .n_templates = 1,
	    .templates = {{.saddr = addr_of("10.8.0.1"), .mode = XFRM_MODE_TRANSPORT}},
	};
	struct sa sa = tunnel_sa();

	sa.mode = XFRM_MODE_TRANSPORT;
	ck_assert(policies_ask_for(&policy, 1, &sa));
	ck_assert_int_eq(policy_direction(&policy, 1, &sa), SA_DIR_OUT);
	sa.daddr = addr_of("10.9.1.2");
	ck_assert(!policies_ask_for(&policy, 1, &sa));
	sa.daddr = addr_of("10.9.0.2");
	sa.saddr = addr_of("10.9.0.2");
	ck_assert(!policies_ask_for(&policy, 1, &sa));
	sa.saddr = in6addr_any; /* an SA with any source */
	ck_assert(policies_ask_for(&policy, 1, &sa));
	sa.family = AF_INET6;
	ck_assert(!policies_ask_for(&policy, 1, &sa));
	/* inside a tunnel, the tunnel's ends count */
	policy.templates[1] = policy.templates[0];
	policy.templates[0] = exact_template();
	policy.n_templates = 2;
	sa = tunnel_sa();
	sa.mode = XFRM_MODE_TRANSPORT;
	sa.reqid = 17;
	ck_assert(policies_ask_for(&policy, 1, &sa));
	policy.templates[0].daddr = addr_of("10.9.0.3");
	ck_assert(!policies_ask_for(&policy, 1, &sa));
	/* the same reqid is enough */
	policy.templates[1].reqid = sa.reqid;
	ck_assert(policies_ask_for(&policy, 1, &sa));
}

static struct policy policy_with(enum policy_dir dir, uint32_t reqid)
{
	struct policy policy = {.dir = dir, .n_templates = 1};

	policy.templates[0] =
	    (struct policy_template){.reqid = reqid, .mode = XFRM_MODE_TUNNEL};
	return policy;
}

TEST(direction_by_policies)
{
	const struct sa sa = tunnel_sa();
	struct policy policies[3] = {policy_with(POLICY_OUT, 99),
				     policy_with(POLICY_OUT, 16),
				     policy_with(POLICY_IN, 98)};

	ck_assert_int_eq(policy_direction(policies, 3, &sa), SA_DIR_OUT);
	policies[1].dir = POLICY_IN;
	ck_assert_int_eq(policy_direction(policies, 3, &sa), SA_DIR_IN);
	policies[1].dir = POLICY_FWD;
	ck_assert_int_eq(policy_direction(policies, 3, &sa), SA_DIR_IN);
	policies[1].if_id = 5;
	ck_assert_int_eq(policy_direction(policies, 3, &sa), SA_DIR_UNKNOWN);
	ck_assert_int_eq(policy_direction(NULL, 0, &sa), SA_DIR_UNKNOWN);
}

TEST(policies_of_both_directions_say_nothing)
{
	const struct sa sa = tunnel_sa();
	const struct policy policies[2] = {policy_with(POLICY_OUT, 16),
					   policy_with(POLICY_IN, 16)};

	ck_assert_int_eq(policy_direction(policies, 2, &sa), SA_DIR_UNKNOWN);
}

TEST(any_template_of_a_policy_counts)
{
	struct sa sa = tunnel_sa();
	struct policy policy = policy_with(POLICY_OUT, 1);

	policy.n_templates = 2;
	policy.templates[1] = exact_template();
	ck_assert_int_eq(policy_direction(&policy, 1, &sa), SA_DIR_OUT);
	policy.if_id = sa.if_id = 7;
	ck_assert_int_eq(policy_direction(&policy, 1, &sa), SA_DIR_OUT);
}

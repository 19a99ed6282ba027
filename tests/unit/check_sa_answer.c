/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "messages.h"
#include "runner.h"
#include "sas.h"

/* The answers of one dump, each of which is read with what those before it have left in
 * the layouts. sa_event_parse(), which has none, says what must be read. */

static struct sa_layouts layouts;

static void no_layouts(void)
{
	memset(&layouts, 0, sizeof(layouts));
}

CHAPTER(no_layouts, NULL);

static int read_answer(const struct nlmsghdr *nlh, struct sa_answer *answer,
		       struct sa *sa)
{
	int err = sa_answer_find(nlh, &layouts, answer);

	return err ? err : sa_answer_parse(answer, sa);
}

static void read_as_event(const struct nlmsghdr *nlh)
{
	struct sa_answer answer;
	struct sa_event event;
	struct sa sa;
	int want = sa_event_parse(nlh, &event);

	memset(&sa, 0x5a, sizeof(sa));
	ck_assert_int_eq(read_answer(nlh, &answer, &sa), want);
	if (want)
		return;
	ck_assert_mem_eq(&sa, &event.sa, sizeof(sa));
	ck_assert(answer_shows(&answer, &sa));
}

static const size_t ATTRS = NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info);

/* A NEWSA of an ESP SA with these attributes, and values that differ with salt. */
static struct nlmsghdr *answer(const struct nlattr *attrs, size_t n, uint8_t salt)
{
	const struct sa_values values = {.saddr = "10.0.0.1",
					 .daddr = "10.0.0.2",
					 .proto = salt % 2 ? IPPROTO_ESP : IPPROTO_AH,
					 .spi = salt,
					 .algs = MESSAGE_LARVAL};
	struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);

	ck_assert_uint_eq(nlh->nlmsg_len, ATTRS);
	for (size_t i = 0; i < n; i++) {
		char value[64];
		struct nlmsghdr *more;

		memset(value, salt + (int)i, sizeof(value));
		more =
		    message_with_attr(nlh, attrs[i].nla_type, value, attrs[i].nla_len);
		free(nlh);
		nlh = more;
	}
	return nlh;
}

/* Payloads and types. Many have the same length. */
static const struct {
	struct nlattr attrs[4];
	size_t n;
} kinds[] = {
    {{{0}}, 0},
    {{{20, XFRMA_ALG_AEAD}, {8, XFRMA_MARK}}, 2},
    {{{20, XFRMA_ALG_AUTH}, {8, XFRMA_MARK}}, 2},
    {{{8, XFRMA_MARK}, {20, XFRMA_ALG_AEAD}}, 2},
    {{{20, XFRMA_ALG_CRYPT}, {8, XFRMA_SET_MARK}}, 2},
    {{{24, XFRMA_REPLAY_ESN_VAL}, {4, XFRMA_IF_ID}}, 2},
    {{{24, XFRMA_ALG_AUTH_TRUNC}, {4, 35}}, 2},
    {{{4, XFRMA_IF_ID}, {4, XFRMA_IF_ID}}, 2},
    {{{4, 35}, {4, XFRMA_IF_ID}}, 2},
    {{{8, XFRMA_OFFLOAD_DEV}, {1, 33}}, 2},
    {{{8, XFRMA_OFFLOAD_DEV}, {2, 33}}, 2},
    {{{8, XFRMA_OFFLOAD_DEV}, {4, XFRMA_TFCPAD}}, 2},
    {{{12, XFRMA_REPLAY_VAL}}, 1},
    {{{12, XFRMA_ENCAP}}, 1},
    {{{12, XFRMA_REPLAY_VAL}, {12, XFRMA_LASTUSED}, {4, 0x3fff}}, 3},
    {{{12, XFRMA_LASTUSED}, {12, XFRMA_REPLAY_VAL}, {4, 0xbfff}}, 3},
    /* too short, some of them with the length of a good one */
    {{{4, XFRMA_MARK}}, 1},
    {{{11, XFRMA_REPLAY_VAL}}, 1},
    {{{20, XFRMA_ALG_AEAD}, {8, XFRMA_REPLAY_ESN_VAL}}, 2},
    {{{5, XFRMA_OFFLOAD_DEV}, {0, 33}}, 2},
};

TEST(each_kind_after_each_other)
{
	const size_t n = sizeof(kinds) / sizeof(*kinds);

	for (size_t i = 0; i < n * n; i++) {
		const size_t order[] = {i / n, i % n, i % n, i / n};

		for (size_t j = 0; j < sizeof(order) / sizeof(*order); j++) {
			struct nlmsghdr *nlh = answer(kinds[order[j]].attrs,
						      kinds[order[j]].n, (uint8_t)j);

			read_as_event(nlh);
			free(nlh);
		}
	}
}

/* The same length, and a layout that is known up to the attribute that is malformed. */
TEST(malformed_behind_a_good_one)
{
	struct nlmsghdr *nlh = answer(kinds[1].attrs, kinds[1].n, 1);
	struct nlattr *first = (void *)((char *)nlh + ATTRS);
	struct nlattr *last = (void *)((char *)first + NLA_ALIGN(first->nla_len));
	static const uint16_t bad[] = {0, 1, 3, 11, 13, 0xffff};
	struct sa_answer answer;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const uint16_t good = last->nla_len;

		ck_assert_int_eq(sa_answer_find(nlh, &layouts, &answer), 0);
		last->nla_len = bad[i];
		ck_assert_int_eq(sa_answer_find(nlh, &layouts, &answer), -EBADMSG);
		read_as_event(nlh);
		last->nla_len = good;
	}
	free(nlh);
}

TEST(cut_behind_a_whole_one)
{
	const struct sa_values values = sa_full();
	struct nlmsghdr *whole = message_newsa(XFRM_MSG_NEWSA, &values);

	for (size_t len = NLMSG_HDRLEN; len <= whole->nlmsg_len; len++) {
		struct nlmsghdr *cut = message_cut(whole, len);

		read_as_event(whole);
		read_as_event(cut);
		read_as_event(cut);
		free(cut);
	}
	free(whole);
}

/* A layout that nothing has been noted in fits no message, not even one that is too
 * short to be one. */
TEST(length_below_the_header_is_bad)
{
	for (uint32_t len = 0; len < NLMSG_HDRLEN; len++) {
		struct nlmsghdr *nlh = message_raw(XFRM_MSG_NEWSA, NULL, 0);

		nlh->nlmsg_len = len;
		read_as_event(nlh);
		free(nlh);
	}
}

TEST(another_address_family_behind_a_good_one)
{
	struct nlmsghdr *nlh = answer(kinds[1].attrs, kinds[1].n, 1);
	struct xfrm_usersa_info *info = (void *)(nlh + 1);

	read_as_event(nlh);
	info->family = AF_INET6;
	read_as_event(nlh);
	info->family = AF_UNIX;
	read_as_event(nlh);
	free(nlh);
}

TEST(more_attributes_than_a_layout_holds)
{
	struct nlattr attrs[MESSAGE_LAYOUT_MAX + 2];
	const size_t n = sizeof(attrs) / sizeof(*attrs);

	for (size_t i = 0; i < n; i++)
		attrs[i] = (struct nlattr){4, 100};
	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *nlh;

		attrs[i].nla_type = XFRMA_IF_ID;
		nlh = answer(attrs, n - i % 3, (uint8_t)i);
		read_as_event(nlh);
		read_as_event(nlh);
		free(nlh);
		attrs[i].nla_type = 100;
	}
}

TEST(what_is_no_answer)
{
	const struct sa_values values = sa_esp();
	struct nlmsghdr *others[] = {message_newsa(XFRM_MSG_UPDSA, &values),
				     message_delsa(&values), message_flushsa(0)};
	struct sa_answer answer;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		ck_assert_int_eq(sa_answer_find(others[i], &layouts, &answer), -ENOENT);
		free(others[i]);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa.h"

#include <errno.h>
#include <string.h>

#include "messages.h"
#include "runner.h"
#include "sas.h"

/* Messages that no kernel sends, or that a newer one may send. */

CHAPTER(NULL, NULL);

TEST(unknown_attributes_are_skipped)
{
	const struct sa_values values = sa_esp();
	struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	struct sa_event plain = sa_parse(message_newsa(XFRM_MSG_NEWSA, &values));
	static const uint16_t types[] = {36, 60, 0x3fff, 0xbfff};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct nlmsghdr *more = message_with_attr(nlh, types[i], "junk", i);
		struct sa_event event = sa_parse(more);

		ck_assert_uint_eq(event.sa.spi, plain.sa.spi);
		ck_assert_int_eq(event.sa.keyed, plain.sa.keyed);
		ck_assert_int_eq(event.sa.declared, plain.sa.declared);
	}
	free(nlh);
}

/* Each attribute one byte too short. */
TEST(short_attributes_are_bad)
{
	static const struct {
		uint16_t type;
		size_t size;
	} attrs[] = {
	    {XFRMA_REPLAY_VAL, sizeof(struct xfrm_replay_state)},
	    {XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn)},
	    {XFRMA_MARK, sizeof(struct xfrm_mark)},
	    {XFRMA_IF_ID, 4},
	    {XFRMA_OFFLOAD_DEV, sizeof(struct xfrm_user_offload)},
	    {33, 1},
	    {35, 4},
	};
	const struct sa_values values = sa_esp();
	struct nlmsghdr *newsa = message_newsa(XFRM_MSG_NEWSA, &values);
	struct nlmsghdr *delsa = message_delsa(&values);
	struct nlmsghdr *expire = message_expire(&values, true);
	const char zero[64] = {0};

	for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++) {
		const uint16_t type = attrs[i].type;

		sa_reject(message_with_attr(newsa, type, zero, attrs[i].size - 1));
		sa_reject(message_with_attr(delsa, type, zero, attrs[i].size - 1));
		sa_reject(message_with_attr(expire, type, zero, attrs[i].size - 1));
		sa_parse(message_with_attr(newsa, type, zero, attrs[i].size));
	}
	free(newsa);
	free(delsa);
	free(expire);
}

TEST(attribute_beyond_the_end_is_bad)
{
	const struct sa_values values = sa_esp();
	struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);
	struct nlattr *attr =
	    (void *)((char *)nlh + NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info));
	const uint16_t good = attr->nla_len;
	static const uint16_t bad[] = {1, 2, 3, 0xffff, 0x7fff};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		attr->nla_len = bad[i];
		sa_reject(message_cut(nlh, nlh->nlmsg_len));
	}
	attr->nla_len = (uint16_t)(good + 4);
	sa_reject(message_cut(nlh, nlh->nlmsg_len));
	attr->nla_len = good;
	sa_parse(message_cut(nlh, nlh->nlmsg_len));
	free(nlh);
}

/* The heap block ends where the message ends, so ASan detects a read beyond it. */
TEST(cut_at_every_length)
{
	const struct sa_values values = sa_full();
	struct nlmsghdr *messages[] = {
	    message_newsa(XFRM_MSG_NEWSA, &values),
	    message_newsa(XFRM_MSG_UPDSA, &values),
	    message_delsa(&values),
	    message_expire(&values, true),
	    message_flushsa(0),
	    message_migrate(),
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		for (size_t len = NLMSG_HDRLEN; len < messages[i]->nlmsg_len; len++) {
			struct nlmsghdr *cut = message_cut(messages[i], len);
			struct sa_event event;
			int err = sa_event_parse(cut, &event);

			ck_assert_msg(err == 0 || err == -EBADMSG, "%d at %zu", err,
				      len);
			free(cut);
		}
		free(messages[i]);
	}
}

TEST(too_short_for_the_fixed_part_is_bad)
{
	const struct sa_values values = sa_esp();
	struct nlmsghdr *newsa = message_newsa(XFRM_MSG_NEWSA, &values);
	struct nlmsghdr *expire = message_expire(&values, true);
	struct nlmsghdr *delsa = message_delsa(&values);

	sa_reject(message_cut(newsa, NLMSG_HDRLEN));
	sa_reject(
	    message_cut(newsa, NLMSG_HDRLEN + sizeof(struct xfrm_usersa_info) - 1));
	sa_reject(
	    message_cut(expire, NLMSG_HDRLEN + sizeof(struct xfrm_user_expire) - 1));
	sa_reject(message_cut(delsa, NLMSG_HDRLEN + sizeof(struct xfrm_usersa_id) - 1));
	free(newsa);
	free(expire);
	free(delsa);
}

/* A length below that of the header. */
TEST(another_address_family_is_bad)
{
	static const uint16_t families[] = {AF_UNSPEC, AF_UNIX, AF_INET + 256, 0xffff};
	const struct sa_values values = sa_esp();

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		struct nlmsghdr *nlh = message_newsa(XFRM_MSG_NEWSA, &values);
		struct xfrm_usersa_info *info = (void *)(nlh + 1);

		info->family = families[i];
		sa_reject(nlh);
	}
}

TEST(length_below_the_header_is_bad)
{
	static const uint16_t types[] = {XFRM_MSG_NEWSA, XFRM_MSG_UPDSA, XFRM_MSG_DELSA,
					 XFRM_MSG_EXPIRE};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		for (uint32_t len = 0; len < NLMSG_HDRLEN; len++) {
			struct nlmsghdr *nlh = message_raw(types[i], NULL, 0);

			nlh->nlmsg_len = len;
			sa_reject(nlh);
		}
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t next_below(uint64_t *state, size_t n)
{
	return (size_t)(next_random(state) % n);
}

static const uint16_t garbage_types[] = {XFRM_MSG_NEWSA,   XFRM_MSG_UPDSA,
					 XFRM_MSG_DELSA,   XFRM_MSG_EXPIRE,
					 XFRM_MSG_FLUSHSA, XFRM_MSG_MIGRATE};

/* Random bytes, some of them in the form of attribute headers. */
TEST(garbage)
{
	uint64_t state = 20240229;

	for (int i = 0; i < 200000; i++) {
		size_t len = NLMSG_HDRLEN + next_below(&state, 480);
		struct nlmsghdr *nlh = malloc(len);
		struct sa_event event;
		int err;

		for (size_t j = 0; j < len; j++)
			((uint8_t *)nlh)[j] = (uint8_t)next_random(&state);
		for (size_t j = 40; j + 8 <= len;
		     j += 4 * (1 + next_below(&state, 40))) {
			const struct nlattr attr = {
			    .nla_len = (uint16_t)next_below(&state, 40),
			    .nla_type = (uint16_t)next_below(&state, 40),
			};

			memcpy((char *)nlh + j, &attr, sizeof(attr));
		}
		nlh->nlmsg_len = (uint32_t)len;
		nlh->nlmsg_type = garbage_types[next_below(&state, 6)];
		err = sa_event_parse(nlh, &event);
		ck_assert(err == 0 || err == -EBADMSG);
		free(nlh);
	}
}

/* Valid messages with a few changed bytes, which get further into the parser. */
TEST(good_messages_damaged)
{
	const struct sa_values values = sa_full();
	struct nlmsghdr *good[] = {message_newsa(XFRM_MSG_NEWSA, &values),
				   message_delsa(&values),
				   message_expire(&values, true)};
	uint64_t state = 4711;

	for (int i = 0; i < 200000; i++) {
		const struct nlmsghdr *from = good[i % 3];
		struct nlmsghdr *nlh = message_cut(from, from->nlmsg_len);
		struct sa_event event;
		int err;

		for (size_t n = next_below(&state, 8); n > 0; n--) {
			size_t at = NLMSG_HDRLEN +
				    next_below(&state, from->nlmsg_len - NLMSG_HDRLEN);

			((uint8_t *)nlh)[at] = (uint8_t)next_random(&state);
		}
		err = sa_event_parse(nlh, &event);
		ck_assert(err == 0 || err == -EBADMSG);
		free(nlh);
	}
	for (size_t i = 0; i < 3; i++)
		free(good[i]);
}

/* No byte of a key is in the result. */
TEST(no_key_in_the_result)
{
	struct sa_values values = sa_full();
	struct sa_event event;
	const uint8_t *at = (const uint8_t *)&event;

	values.algs |= MESSAGE_AEAD;
	memset(&event, 0, sizeof(event));
	event = sa_parse(message_newsa(XFRM_MSG_NEWSA, &values));
	for (size_t i = 0; i + 3 < sizeof(event); i++)
		ck_assert(at[i] != MESSAGE_KEY_BYTE || at[i + 1] != MESSAGE_KEY_BYTE ||
			  at[i + 2] != MESSAGE_KEY_BYTE);
}

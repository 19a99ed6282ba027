/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/message.h"

#include <errno.h>
#include <string.h>

#include "runner.h"

/*
 * Datagrams and attributes with lengths that no kernel sends. Each datagram ends where
 * its heap block ends, so that ASan and valgrind detect a read beyond it.
 */

/* A datagram of size bytes that begins with messages of these lengths, one after the
 * other as far as they fit. The caller frees it. */
static char *datagram(size_t size, const uint32_t *lengths, size_t n)
{
	char *bytes = calloc(1, size ? size : 1);
	size_t at = 0;

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < n && at + sizeof(uint32_t) <= size; i++) {
		memcpy(bytes + at, &lengths[i], sizeof(lengths[i]));
		at += NLMSG_ALIGN((size_t)lengths[i]);
	}
	return bytes;
}

/* Asserts how many messages are found, and how many bytes remain. */
static size_t count(size_t size, const uint32_t *lengths, size_t n, size_t *ret_left)
{
	char *bytes = datagram(size, lengths, n);
	struct message_batch batch = {bytes, size};
	const struct nlmsghdr *nlh;
	size_t found = 0;

	while ((nlh = message_next(&batch))) {
		ck_assert_uint_le((size_t)((const char *)nlh - bytes) + nlh->nlmsg_len,
				  size);
		ck_assert_uint_lt(found, size);
		found++;
	}
	ck_assert_ptr_null(message_next(&batch));
	*ret_left = batch.left;
	free(bytes);
	return found;
}

CHAPTER(NULL, NULL);

/* mnl_nlmsg_ok() converts the length to int, mnl_nlmsg_next() rounds it up to 0. */
TEST(lengths_of_no_message)
{
	static const uint32_t lengths[] = {
	    0,          1,          15,         17,         20,         0x7fffffff,
	    0x80000000, 0x80000010, 0xfffffff0, 0xfffffffc, 0xfffffffd, 0xffffffff};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t left;

		ck_assert_uint_eq(count(16, &lengths[i], 1, &left), 0);
		ck_assert_uint_eq(left, 16);
	}
}

TEST(a_bad_one_behind_a_good_one)
{
	static const uint32_t lengths[] = {20, 0xfffffffd};
	size_t left;

	ck_assert_uint_eq(count(36, lengths, 2, &left), 1);
	ck_assert_uint_eq(left, 16);
}

TEST(datagrams_cut_anywhere)
{
	static const uint32_t lengths[] = {16, 17, 40};
	static const size_t ends[] = {16, 33, 76};

	for (size_t size = 0; size <= 76; size++) {
		size_t left;
		size_t whole = 0;

		while (whole < 3 && ends[whole] <= size)
			whole++;
		ck_assert_uint_eq(count(size, lengths, 3, &left), whole);
		if (size == 0 || size == 16 || size == 33 || size == 76)
			ck_assert_uint_eq(left, 0);
	}
}

/* Attributes. */

enum {
	N_TYPES = 3,
};

static const struct nlattr *attrs[N_TYPES];

static size_t n_found(void)
{
	size_t n = 0;

	for (size_t i = 0; i < N_TYPES; i++) {
		if (attrs[i])
			ck_assert_uint_ge(attrs[i]->nla_len, sizeof(*attrs[i]));
		n += attrs[i] != NULL;
	}
	return n;
}

/* Reads the attributes of a message of size bytes, with a fixed header of 4 bytes
 * and attributes of these lengths, of the types 0, 1, ... Returns the result. */
static int read_attrs(size_t size, const uint16_t *lengths, size_t n, size_t *ret_n)
{
	char *bytes = calloc(1, size);
	struct nlmsghdr *nlh = (void *)bytes;
	size_t at = sizeof(*nlh) + 4;
	int err;

	ck_assert_ptr_nonnull(bytes);
	nlh->nlmsg_len = (uint32_t)size;
	for (uint16_t i = 0; i < n && at + sizeof(struct nlattr) <= size; i++) {
		const struct nlattr attr = {.nla_len = lengths[i], .nla_type = i};

		memcpy(bytes + at, &attr, sizeof(attr));
		at += NLMSG_ALIGN((size_t)lengths[i]);
	}
	memset(attrs, 0, sizeof(attrs));
	err = message_find_attrs(nlh, 4, attrs, N_TYPES);
	*ret_n = n_found();
	free(bytes);
	return err;
}

TEST(attributes)
{
	static const struct {
		size_t size;
		uint16_t lengths[2];
		int want;
		size_t n;
	} cases[] = {
	    {16, {0, 0}, -EBADMSG, 0},      /* no room for the header */
	    {20, {0, 0}, 0, 0},             /* no attribute */
	    {23, {0, 0}, 0, 0},             /* padding */
	    {24, {4, 0}, 0, 1},             /* one without a value */
	    {24, {0, 0}, -EBADMSG, 0},      /* less than its header */
	    {24, {3, 0}, -EBADMSG, 0},      /* likewise */
	    {24, {5, 0}, -EBADMSG, 0},      /* more than the rest of the message */
	    {28, {0xffff, 0}, -EBADMSG, 0}, /* likewise */
	    {25, {5, 0}, 0, 1},             /* the last one without padding */
	    {32, {5, 4}, 0, 2},             /* two */
	    {32, {5, 0xfffd}, -EBADMSG, 1}, /* the second one is too long */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n;

		ck_assert_int_eq(read_attrs(cases[i].size, cases[i].lengths, 2, &n),
				 cases[i].want);
		ck_assert_uint_eq(n, cases[i].n);
	}
}

/* A fixed header of a size that is not a multiple of four, like struct
 * xfrm_usersa_flush. */
TEST(padding_behind_a_header)
{
	_Alignas(struct nlmsghdr) char bytes[24] = {0};
	struct nlmsghdr *nlh = (void *)bytes;
	const uint16_t len = 4;

	memcpy(bytes + 20, &len, sizeof(len));
	nlh->nlmsg_len = 24;
	ck_assert_int_eq(message_find_attrs(nlh, 1, attrs, N_TYPES), 0);
	ck_assert_uint_eq(n_found(), 1);
	nlh->nlmsg_len = 17;
	ck_assert_int_eq(message_find_attrs(nlh, 1, attrs, N_TYPES), 0);
	ck_assert_uint_eq(n_found(), 0);
}

TEST(attributes_by_type)
{
	_Alignas(struct nlmsghdr) char bytes[40] = {0};
	struct nlmsghdr *nlh = (void *)bytes;
	const struct nlattr types[] = {{4, 2}, {4, 1}, {4, 2}, {4, 3}, {4, 0xffff}};

	memcpy(bytes + 16, types, sizeof(types));
	nlh->nlmsg_len = 36;
	ck_assert_int_eq(message_find_attrs(nlh, 0, attrs, N_TYPES), 0);
	ck_assert_ptr_null(attrs[0]);
	ck_assert_ptr_eq(attrs[1], bytes + 20);
	ck_assert_ptr_eq(attrs[2], bytes + 24); /* the last of two */
}

TEST(nested_attributes)
{
	_Alignas(struct nlattr) char bytes[12] = {0};
	struct nlattr *nest = (void *)bytes;
	uint16_t inner = 8;

	nest->nla_len = 12;
	memcpy(bytes + 4, &inner, sizeof(inner));
	ck_assert_int_eq(message_find_nested(nest, attrs, N_TYPES), 0);
	ck_assert_uint_eq(n_found(), 1);
	inner = 0xfffc;
	memcpy(bytes + 4, &inner, sizeof(inner));
	ck_assert_int_eq(message_find_nested(nest, attrs, N_TYPES), -EBADMSG);
	ck_assert_uint_eq(n_found(), 0);
	ck_assert_int_eq(message_find_nested(NULL, attrs, N_TYPES), 0);
	ck_assert_uint_eq(n_found(), 0);
}

/* Two attributes without values, and the second one with another header. */
TEST(layouts)
{
	_Alignas(struct nlmsghdr) char bytes[28] = {0};
	struct nlmsghdr *nlh = (void *)bytes;
	const struct nlattr types[] = {{4, 2}, {4, 1}};
	const struct nlattr others[] = {{4, 3}, {5, 1}, {4, 0x8001}};
	struct message_layout layout = {.len = 0};

	ck_assert(!message_has_layout(nlh, &layout));
	nlh->nlmsg_len = 28;
	memcpy(bytes + 20, types, sizeof(types));
	ck_assert(!message_has_layout(nlh, &layout));
	message_note_layout(nlh, 4, &layout);
	bytes[16] = 1; /* a value of the fixed header */
	ck_assert(message_has_layout(nlh, &layout));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		memcpy(bytes + 24, &others[i], sizeof(others[i]));
		ck_assert(!message_has_layout(nlh, &layout));
	}
	memcpy(bytes + 20, types, sizeof(types));
	nlh->nlmsg_len = 27;
	ck_assert(!message_has_layout(nlh, &layout));
}

TEST(layout_of_many_attributes)
{
	enum { SIZE = 16 + 4 * (MESSAGE_LAYOUT_MAX + 1) };
	_Alignas(struct nlmsghdr) char bytes[SIZE] = {0};
	struct nlmsghdr *nlh = (void *)bytes;
	const uint16_t len = sizeof(struct nlattr);
	struct message_layout layout = {.len = 0};

	for (size_t at = 16; at < SIZE; at += 4)
		memcpy(bytes + at, &len, sizeof(len));
	nlh->nlmsg_len = SIZE - 4;
	message_note_layout(nlh, 0, &layout);
	ck_assert_uint_eq(layout.n, MESSAGE_LAYOUT_MAX);
	ck_assert(message_has_layout(nlh, &layout));
	nlh->nlmsg_len = SIZE;
	message_note_layout(nlh, 0, &layout);
	ck_assert(!message_has_layout(nlh, &layout));
}

TEST(values_that_are_too_short)
{
	_Alignas(struct nlattr) char bytes[8] = {0};
	struct nlattr *attr = (void *)bytes;
	uint32_t value = 7;

	attr->nla_len = 7;
	ck_assert(!message_copy_attr(attr, &value, sizeof(value)));
	ck_assert_uint_eq(value, 7);
	ck_assert(message_copy_attr(NULL, &value, sizeof(value)));
	ck_assert_uint_eq(value, 7);
	attr->nla_len = 8;
	ck_assert(message_copy_attr(attr, &value, sizeof(value)));
	ck_assert_uint_eq(value, 0);
}

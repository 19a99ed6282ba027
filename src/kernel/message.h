/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Access to netlink messages that trusts no length. Nothing is read beyond the datagram
 * or beyond nlmsg_len. mnl_nlmsg_ok() and mnl_nlmsg_next() are not used: they treat
 * nlmsg_len as an int and never reach the end of a message of 0xfffffffd bytes.
 */

/* The rest of a datagram, which may hold several messages. */
struct message_batch {
	const void *at; /* aligned as struct nlmsghdr */
	size_t left;    /* bytes */
};

/* Moves behind size bytes and their padding, as far as that is there. */
static inline void message_skip(struct message_batch *batch, size_t size)
{
	size_t aligned = NLMSG_ALIGN(size);
	size_t taken = aligned < batch->left ? aligned : batch->left;

	batch->at = (const char *)batch->at + taken;
	batch->left -= taken;
}

/*
 * Returns the next message, which lies completely in the datagram, or NULL at the end.
 * Bytes that are left then are malformed: a header cut short, or a length that is below
 * the header's or beyond the datagram.
 */
static inline const struct nlmsghdr *message_next(struct message_batch *batch)
{
	const struct nlmsghdr *nlh = batch->at;

	if (batch->left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
	    nlh->nlmsg_len > batch->left)
		return NULL;
	message_skip(batch, nlh->nlmsg_len);
	return nlh;
}

/* Copies the fixed header of a message, size bytes. Returns 0, or -EBADMSG if the
 * message is shorter. */
int message_get_header(const struct nlmsghdr *nlh, void *ret, size_t size);

/*
 * Finds the attributes behind a fixed header of `header` bytes: attrs[TYPE] is the last
 * of that type, or NULL. Types from n on are skipped. Returns 0, or -EBADMSG if the
 * message is shorter than its header or an attribute reaches beyond its end. Bytes too
 * few for an attribute are padding.
 */
int message_find_attrs(const struct nlmsghdr *nlh, size_t header,
		       const struct nlattr *attrs[], size_t n);

/* The same for the attributes nested in one. NULL has none. */
int message_find_nested(const struct nlattr *nest, const struct nlattr *attrs[],
			size_t n);

/*
 * Where a message has its attributes: most messages of a dump have the same ones in the
 * same places, so that those of the last message need only be compared. Two messages
 * with one layout differ in nothing but values.
 */
#define MESSAGE_LAYOUT_MAX 24

struct message_layout {
	uint32_t len; /* of the message; 0: this is the layout of none */
	uint32_t n;
	struct {
		uint32_t at; /* bytes from the beginning of the message */
		struct nlattr attr;
	} places[MESSAGE_LAYOUT_MAX];
};

/* Notes the layout of a message for which message_find_attrs() has returned 0. A
 * message with more than MESSAGE_LAYOUT_MAX attributes leaves the layout of none. */
void message_note_layout(const struct nlmsghdr *nlh, size_t header,
			 struct message_layout *ret);

/* True if a message, with a fixed header of as many bytes, has this layout. */
static inline bool message_has_layout(const struct nlmsghdr *nlh,
				      const struct message_layout *layout)
{
	if (nlh->nlmsg_len != layout->len || !layout->len)
		return false;
	for (uint32_t i = 0; i < layout->n; i++)
		if (memcmp((const char *)nlh + layout->places[i].at,
			   &layout->places[i].attr, sizeof(struct nlattr)) != 0)
			return false;
	return true;
}

/* Copies the first size bytes of an attribute, or nothing if attr is NULL. Returns
 * false if the attribute is shorter. */
static inline bool message_copy_attr(const struct nlattr *attr, void *ret, size_t size)
{
	if (attr && attr->nla_len < sizeof(*attr) + size)
		return false;
	if (attr)
		memcpy(ret, attr + 1, size);
	return true;
}

/* Copies an address of XFRM: 16 bytes, of which AF_INET uses four. The rest becomes 0,
 * because the keying daemon may have left anything there. */
static inline void message_copy_addr(struct in6_addr *to, const void *from,
				     uint16_t family)
{
	memcpy(to, from, sizeof(*to));
	if (family == AF_INET)
		memset((char *)to + sizeof(struct in_addr), 0,
		       sizeof(*to) - sizeof(struct in_addr));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What every reader of netlink messages needs. Lengths are compared unsigned and
 * before anything that they cover is read: mnl_nlmsg_ok() and mnl_nlmsg_next() take
 * nlmsg_len for an int, and with 0xfffffffd never come to an end. Nothing is read
 * beyond the datagram, nor beyond nlmsg_len.
 */

/* What is left of a datagram, which may hold several messages. */
struct message_batch {
	const void *at; /* aligned as struct nlmsghdr */
	size_t left;    /* bytes */
};

/*
 * The next message, all of which is in the datagram, or NULL at the end. Bytes that are
 * left then were no message: a header cut short, or one that claims fewer bytes than
 * itself or more than there are.
 */
const struct nlmsghdr *message_next(struct message_batch *batch);

/*
 * Copies the fixed header of a message, size bytes. Returns 0, or -EBADMSG if the
 * message is shorter.
 */
int message_get_header(const struct nlmsghdr *nlh, void *ret, size_t size);

/*
 * Calls back for each attribute behind a fixed header of header bytes, until the
 * callback gives anything but 0, which is then returned. -EBADMSG: the message is
 * shorter than its header, or an attribute claims more bytes than there are. What is
 * too short to be an attribute is padding.
 */
int message_for_each_attr(const struct nlmsghdr *nlh, size_t header,
			  int (*cb)(void *ctx, const struct nlattr *attr), void *ctx);

/* The same for the attributes within an attribute. */
int message_for_each_nested(const struct nlattr *nest,
			    int (*cb)(void *ctx, const struct nlattr *attr), void *ctx);

/* Copies the attribute's payload, of at least size bytes. Returns 0 or -EBADMSG. */
int message_get_attr(const struct nlattr *attr, void *ret, size_t size);

/* The value and the mask of an XFRMA_MARK. Returns 0 or -EBADMSG. */
int message_get_mark(const struct nlattr *attr, uint32_t *ret_mark, uint32_t *ret_mask);

/* An address as XFRM has it: 16 bytes, of which AF_INET uses four. The rest becomes 0,
 * whatever the keying daemon left there. */
void message_copy_addr(struct in6_addr *to, const void *from, uint16_t family);

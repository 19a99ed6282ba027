/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_MESSAGE_H
#define QMIPSEC_MESSAGE_H

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stddef.h>

/* What every reader of a netlink message needs. Nothing is read beyond nlmsg_len. */

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

/* An address as XFRM has it: 16 bytes, of which AF_INET uses four. The rest becomes 0,
 * whatever the keying daemon left there. */
void message_copy_addr(struct in6_addr *to, const void *from, uint16_t family);

#endif

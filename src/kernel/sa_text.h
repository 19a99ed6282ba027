/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <stddef.h>

#include "kernel/sa.h"

/* SAs and messages as debug messages name them. Pure, and free of key material. */

/* Bytes that a text needs at most, with the terminating 0. */
#define SA_TEXT_SIZE 192

/* "esp 0xc0ffee01 192.0.2.1 > 192.0.2.2 reqid 5", in text of size bytes, which is
 * returned. */
const char *sa_describe(const struct sa *sa, char *text, size_t size);

/* A whole message of NETLINK_XFRM: "UPDSA, 412 bytes: esp 0xc0ffee01 ...". */
const char *sa_describe_message(const struct nlmsghdr *nlh, char *text, size_t size);

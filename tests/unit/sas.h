/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/sa.h"
#include "messages.h"

/* Helpers for the chapters about kernel/sa.h. */

/* Parses and frees the message, which must be valid. */
struct sa_event sa_parse(struct nlmsghdr *nlh);

/* The same for a NEWSA. */
struct sa sa_parse_new(const struct sa_values *values);

/* Frees the message, which must be rejected without writing the event. */
void sa_reject(struct nlmsghdr *nlh);

/* A plain ESP SA, and one with every attribute. */
struct sa_values sa_esp(void);
struct sa_values sa_full(void);

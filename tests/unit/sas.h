/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/sa.h"
#include "messages.h"

/* What the chapters about kernel/sa.h share. */

/* Parses and frees the message; the event must be good. */
struct sa_event sa_parse(struct nlmsghdr *nlh);

/* The same of a NEWSA. */
struct sa sa_parse_new(const struct sa_values *values);

/* Parses and frees the message, which must be rejected and leave no trace. */
void sa_refuse(struct nlmsghdr *nlh);

/* A plain ESP SA, and one with all that a message can carry. */
struct sa_values sa_esp(void);
struct sa_values sa_full(void);

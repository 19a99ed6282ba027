/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sas.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

struct sa_event sa_parse(struct nlmsghdr *nlh)
{
	struct sa_event event;

	memset(&event, 0x5a, sizeof(event));
	ck_assert_int_eq(sa_event_parse(nlh, &event), 0);
	free(nlh);
	return event;
}

struct sa sa_parse_new(const struct sa_values *values)
{
	struct sa_event event = sa_parse(message_newsa(XFRM_MSG_NEWSA, values));

	ck_assert_int_eq(event.type, SA_EVENT_NEW);
	return event.sa;
}

void sa_reject(struct nlmsghdr *nlh)
{
	struct sa_event event;
	struct sa_event before;

	memset(&event, 0x5a, sizeof(event));
	before = event;
	ck_assert_int_eq(sa_event_parse(nlh, &event), -EBADMSG);
	ck_assert_mem_eq(&event, &before, sizeof(event));
	free(nlh);
}

struct sa_values sa_esp(void)
{
	return (struct sa_values){
	    .saddr = "10.0.0.1",
	    .daddr = "10.0.0.2",
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .spi = 0xc0010203,
	    .seq = 77,
	    .reqid = 16385,
	    .algs = MESSAGE_AEAD,
	    .add_time = 1700000000,
	    .bytes = UINT64_C(0x123456789abc),
	    .packets = UINT64_C(0xfedcba9876),
	    .integrity_failed = 0xfffffffe,
	    .replay = 3,
	    .replay_window = 4,
	};
}

struct sa_values sa_full(void)
{
	struct sa_values values = sa_esp();

	values.algs = MESSAGE_AUTH | MESSAGE_AUTH_TRUNC | MESSAGE_CRYPT;
	values.has_mark = values.has_if_id = values.has_pcpu = values.has_dir = true;
	values.has_offload = values.has_replay = values.has_esn = true;
	values.mark = 5;
	values.mark_mask = 0xff;
	values.if_id = 42;
	values.pcpu = 3;
	values.dir = 1;
	values.offload_flags = 2;
	values.iseq = 9;
	values.esn_window = 32;
	return values;
}

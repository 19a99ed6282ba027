/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/sa.h"

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Netlink messages from plain values, as the kernel would send them. Each is in a heap
 * block of exactly its length, so that ASan and valgrind detect a read beyond its end.
 * The caller frees it with free().
 */

/* The address in the form of struct sa: IPv4 in the first four bytes. */
struct in6_addr addr_of(const char *text);
uint16_t family_of(const char *text);

/* Each byte of the keys in these messages. */
#define MESSAGE_KEY_BYTE 0xa5

enum message_alg {
	MESSAGE_LARVAL = 0,
	MESSAGE_AEAD = 1,
	MESSAGE_CRYPT = 2,
	MESSAGE_AUTH = 4,
	MESSAGE_AUTH_TRUNC = 8,
	MESSAGE_COMP = 16,
};

struct sa_values {
	const char *saddr, *daddr;
	uint8_t proto, mode;
	uint32_t spi; /* host order */
	uint32_t seq; /* of the negotiation */
	uint32_t reqid;
	unsigned algs; /* of enum message_alg */
	struct xfrm_selector sel;
	uint64_t add_time, bytes, packets;
	uint32_t integrity_failed, replay, replay_window;
	uint8_t window; /* in xfrm_usersa_info */

	bool has_mark, has_if_id, has_pcpu, has_dir, has_offload, has_replay, has_esn;
	uint32_t mark, mark_mask;
	uint32_t if_id;
	uint32_t pcpu;
	uint8_t dir; /* 1: in, 2: out */
	uint8_t offload_flags;
	uint32_t oseq, iseq, bitmap; /* XFRMA_REPLAY_VAL, or the low half with ESN */
	uint32_t oseq_hi, iseq_hi;
	uint32_t esn_window;
};

struct template_values {
	const char *saddr, *daddr; /* NULL: any */
	uint16_t family;
	uint8_t proto, mode;
	uint32_t spi, reqid;
};

struct policy_values {
	const char *saddr, *daddr;
	uint8_t saddr_prefix, daddr_prefix;
	uint8_t proto;
	uint16_t sport, sport_mask, dport, dport_mask; /* host order */
	uint8_t dir, action;                           /* XFRM_POLICY_* */
	uint32_t priority;
	bool has_mark, has_if_id;
	uint32_t mark, mark_mask, if_id;
	size_t n_templates;
	struct template_values templates[8];
};

/* A keyed ESP SA in tunnel mode, with reqid 1 and without traffic: as a message, and as
 * it is read. */
struct sa_values sa_values_of(const char *saddr, const char *daddr, uint32_t spi);
struct sa sa_of(const char *saddr, const char *daddr, uint32_t spi);

/* type: XFRM_MSG_NEWSA or XFRM_MSG_UPDSA. */
struct nlmsghdr *message_newsa(uint16_t type, const struct sa_values *sa);
struct nlmsghdr *message_delsa(const struct sa_values *sa);
struct nlmsghdr *message_expire(const struct sa_values *sa, bool hard);
struct nlmsghdr *message_flushsa(uint8_t proto);
struct nlmsghdr *message_migrate(void);
struct nlmsghdr *message_newpolicy(const struct policy_values *policy);

/* If address or local is NULL, that attribute is missing. */
struct nlmsghdr *message_newaddr(const char *address, const char *local,
				 uint32_t if_index);

/* RTM_NEWLINK of an interface of this kind, with two numbers as data of the kind. */
struct nlmsghdr *message_newlink(uint32_t if_index, const char *kind, uint16_t type1,
				 uint32_t value1, uint16_t type2, uint32_t value2);

/* A message with any type and payload. */
struct nlmsghdr *message_raw(uint16_t type, const void *payload, size_t len);

/* The same message with an additional attribute. */
struct nlmsghdr *message_with_attr(const struct nlmsghdr *nlh, uint16_t type,
				   const void *payload, size_t len);

/* The first len bytes of a message (at least the 16 of its header), with that length
 * in its header. */
struct nlmsghdr *message_cut(const struct nlmsghdr *nlh, size_t len);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A security association and the events of one, as read from a message of XFRM. They
 * hold no key and no pointer into the message. */

enum sa_direction {
	SA_DIR_UNKNOWN,
	SA_DIR_IN,
	SA_DIR_OUT,
};

/* What an SA has counted. */
struct sa_sample {
	uint64_t bytes; /* curlft: before encapsulation, after decapsulation */
	uint64_t packets;
	/* struct xfrm_stats, all u32 in the kernel, so they wrap */
	uint32_t integrity_failed;
	uint32_t replay;        /* replayed inside the window */
	uint32_t replay_window; /* older than the window */
	uint32_t zero;          /* in place of padding, see struct sa */
};

/* An IPv4 address is in the first four bytes, and the rest is zero. There is no
 * padding: the state file contains SAs as they are. */
struct sa {
	/* The SPI in host order; in an ACQ entry the sequence number of the
	 * negotiation, the only thing that distinguishes two such entries. */
	uint32_t spi;
	uint32_t reqid;
	uint32_t if_id;
	uint32_t mark;
	uint32_t mark_mask;
	uint32_t pcpu;   /* per-CPU number plus one, 0: none (Linux 6.13) */
	uint16_t family; /* of saddr and daddr: AF_INET or AF_INET6 */
	uint8_t proto;   /* IPPROTO_ESP, _AH, _COMP, _IPIP, ... */
	uint8_t mode;    /* XFRM_MODE_* */
	bool acquire;    /* an ACQ entry, which has no SPI yet */
	bool keyed;      /* ESP or AH with its algorithm; false: larval or other */
	bool replay_protected; /* its replay window is above 0, ESN or not */
	uint8_t zero;
	struct in6_addr saddr;
	struct in6_addr daddr;
	struct sa_sample sample;
	uint64_t add_time;          /* seconds since the epoch */
	uint64_t selector;          /* hash of the selector, below 2^32 */
	enum sa_direction declared; /* by XFRMA_SA_DIR, or else XFRMA_OFFLOAD_DEV */
	enum sa_direction sequence; /* which the sequence numbers in use show */
};

enum sa_event_type {
	SA_EVENT_OTHER,       /* a message that is not about SAs or policies */
	SA_EVENT_NEW,         /* NEWSA, or one SA of a dump */
	SA_EVENT_UPDATE,      /* UPDSA */
	SA_EVENT_DELETE,      /* DELSA, with the final counters */
	SA_EVENT_EXPIRE_SOFT, /* the keying daemon should rekey */
	SA_EVENT_EXPIRE_HARD, /* the SA is deleted, with the final counters */
	SA_EVENT_FLUSH,       /* all SAs of a protocol are deleted, no counters */
	SA_EVENT_MIGRATE,     /* SAs have moved to other addresses */
	SA_EVENT_POLICY,      /* the policy database has changed */
};

struct sa_event {
	enum sa_event_type type;
	struct sa sa;  /* for NEW, UPDATE, DELETE and both EXPIREs */
	uint8_t proto; /* for FLUSH: of the deleted SAs, 0: all */
};

/*
 * Reads one whole message of NETLINK_XFRM, an event or a dump answer. Unknown types
 * give SA_EVENT_OTHER, and unknown attributes are skipped. The kernel sends no
 * algorithms in an EXPIRE message, so sa.keyed is false there for any SA. Returns 0, or
 * -EBADMSG if the message is too short for its type, an attribute too short for its
 * meaning, or the SA of another address family; then *ret_event is untouched.
 */
int sa_event_parse(const struct nlmsghdr *nlh, struct sa_event *ret_event);

/* ESP and AH carry keys; IPComp and the proto-4 helper SAs do not. */
static inline bool sa_proto_is_ipsec(uint8_t proto)
{
	return proto == IPPROTO_ESP || proto == IPPROTO_AH;
}

static inline bool sa_is_ipsec(const struct sa *sa)
{
	return sa_proto_is_ipsec(sa->proto);
}

/* Tunnel and IPTFS modes have an outer header of their own. */
bool sa_mode_is_tunnel(uint8_t mode);

/* "esp", "tunnel"; "other" for what IPsec does not use. */
const char *sa_proto_name(uint8_t proto);
const char *sa_mode_name(uint8_t mode);

/* The texts of debug messages. They return text, which has size bytes. */

#define SA_TEXT_SIZE 192 /* with the terminating 0 */

/* "esp 0xc0ffee01 192.0.2.1 > 192.0.2.2 reqid 5" */
const char *sa_describe(const struct sa *sa, char *text, size_t size);

/* Any message of NETLINK_XFRM: "UPDSA, 412 bytes: esp 0xc0ffee01 ..." */
const char *sa_describe_message(const struct nlmsghdr *nlh, char *text, size_t size);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "instance/claim.h"
#include "messages.h"
#include "runner.h"

#include <linux/xfrm.h>

/*
 * The fixture of the chapters about instance/claim.h: connections and policies, and the
 * owner of an SA by the claims that are made from them.
 */

#define ESP IPPROTO_ESP
#define AH IPPROTO_AH
#define TRANSPORT XFRM_MODE_TRANSPORT
#define TUNNEL XFRM_MODE_TUNNEL

extern struct claim_flow flows[4];
extern size_t n_flows;
extern struct policy policies[32]; /* in the order of a dump, the newest first */
extern size_t n_policies;
extern struct claims claims;
extern bool guess; /* the last owner was found without a policy */

/* One connection of owner 1, from 10.0.0.1:40000 to 192.0.2.1:3260; no policy. */
void claim_setup(void);
void claim_teardown(void);

/* A connection between these addresses and the ports above. */
struct claim_flow flow_between(unsigned owner, const char *local, const char *remote);

/* A policy for TCP between two prefixes: outbound to port 3260, inbound from it. */
struct policy *add_policy(enum policy_dir dir, const char *from, uint8_t from_len,
			  const char *to, uint8_t to_len);
struct policy_template *add_template(struct policy *policy, uint8_t proto, uint8_t mode,
				     uint32_t reqid);

/* Sets the addresses of a template. */
void ends(struct policy_template *template, const char *from, const char *to);

/* An outbound and an inbound policy of the first connection: in transport mode, or in
 * tunnel mode between 10.0.0.1 and a gateway. */
void transport_policies(uint32_t reqid);
void tunnel_policies(uint32_t reqid, const char *gateway);

/* A keyed ESP SA. */
struct sa sa_between(const char *from, const char *to, uint8_t mode, uint32_t reqid);

/* Makes the claims and returns the owner of the SA, or 0. */
unsigned owner_of(struct sa sa, enum sa_direction direction);
unsigned out_owner(const char *from, const char *to, uint8_t mode, uint32_t reqid);
unsigned in_owner(const char *from, const char *to, uint8_t mode, uint32_t reqid);

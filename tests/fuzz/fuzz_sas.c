/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz_sas.h"

#include <linux/xfrm.h>

#include "tests/unit/model.h"

enum {
	MODE_IPTFS = 5,
};

static void set_ends(struct sa *sa, uint8_t choice)
{
	unsigned near = choice % PEERS;
	unsigned far = near < 2 ? (choice >> 2) % 2 : 2; /* of the same family */

	sa->family = near < 2 ? AF_INET : AF_INET6;
	sa->saddr = local_addr[near];
	sa->daddr = peer_addr[far];
	if (choice & 0x10) {
		sa->saddr = peer_addr[far];
		sa->daddr = local_addr[near];
	}
	if (choice & 0x20) /* neither end is local */
		sa->saddr = sa->daddr = peer_addr[far];
	if (choice & 0x40) /* one of many peers */
		sa->daddr.s6_addr[3] = choice;
}

static void set_kind(struct sa *sa, uint8_t choice)
{
	static const uint8_t protos[] = {IPPROTO_ESP, IPPROTO_AH, IPPROTO_ESP,
					 IPPROTO_COMP};
	static const uint8_t modes[] = {XFRM_MODE_TRANSPORT, XFRM_MODE_TUNNEL,
					XFRM_MODE_BEET, MODE_IPTFS};

	sa->proto = protos[choice & 3];
	sa->mode = modes[choice >> 2 & 3];
	sa->keyed = !(choice & 0x10) && sa_is_ipsec(sa);
	sa->acquire = choice & 0x20 && !sa->keyed;
	sa->replay_protected = choice & 0x40;
}

static void set_marks(struct sa *sa, uint8_t choice)
{
	sa->reqid = choice & 7;
	sa->if_id = choice >> 3 & 1;
	sa->mark = choice >> 4 & 1;
	sa->mark_mask = sa->mark ? UINT32_MAX : 0;
	sa->pcpu = choice >> 5 & 1;
	sa->selector = choice >> 6 & 1;
	sa->sequence = choice >> 7 ? SA_DIR_OUT : SA_DIR_UNKNOWN;
}

struct sa take_sa(struct bytes *bytes)
{
	struct sa sa = {.spi = take_u8(bytes) & 0xf};
	uint8_t kind;

	set_ends(&sa, take_u8(bytes));
	kind = take_u8(bytes);
	set_kind(&sa, kind);
	set_marks(&sa, take_u8(bytes));
	sa.add_time = UINT64_C(1700000000) + take_u8(bytes);
	sa.sample.bytes = take_u8(bytes);
	sa.sample.packets = take_u8(bytes);
	if (kind & 0x80) {
		sa.sample.bytes |= (uint64_t)take_u32(bytes) << 8;
		sa.sample.packets |= (uint64_t)take_u16(bytes) << 8;
		sa.sample.integrity_failed = take_u32(bytes);
		sa.sample.replay = take_u32(bytes);
		sa.sample.replay_window = take_u32(bytes);
		sa.declared = take_u8(bytes) % 3;
	}
	return sa;
}

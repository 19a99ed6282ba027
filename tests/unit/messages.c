/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "messages.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

enum {
	ATTR_SA_DIR = 33,  /* Linux 6.10 */
	ATTR_SA_PCPU = 35, /* Linux 6.13 */
	ROOM = 4096,
};

/* A message under construction. */
struct builder {
	_Alignas(struct nlmsghdr) char room[ROOM];
	size_t len;
};

uint16_t family_of(const char *text)
{
	return strchr(text, ':') ? AF_INET6 : AF_INET;
}

struct in6_addr addr_of(const char *text)
{
	struct in6_addr addr = {0};

	if (inet_pton(family_of(text), text, &addr) != 1)
		abort();
	return addr;
}

static xfrm_address_t xfrm_addr_of(const char *text)
{
	struct in6_addr addr = {0};
	xfrm_address_t ret;

	if (text)
		addr = addr_of(text);
	memcpy(&ret, &addr, sizeof(ret));
	return ret;
}

static void put(struct builder *builder, const void *data, size_t len)
{
	if (builder->len + NLMSG_ALIGN(len) > sizeof(builder->room))
		abort();
	if (len)
		memcpy(builder->room + builder->len, data, len);
	builder->len += NLMSG_ALIGN(len);
}

static void begin(struct builder *builder, uint16_t type)
{
	const struct nlmsghdr nlh = {.nlmsg_type = type};

	memset(builder, 0, sizeof(*builder));
	put(builder, &nlh, sizeof(nlh));
}

static void put_attr(struct builder *builder, uint16_t type, const void *data,
		     size_t len)
{
	const struct nlattr attr = {
	    .nla_len = (uint16_t)(sizeof(attr) + len),
	    .nla_type = type,
	};

	put(builder, &attr, sizeof(attr));
	put(builder, data, len);
}

static struct nlmsghdr *copy(const void *data, size_t len)
{
	struct nlmsghdr *nlh = malloc(len);

	if (!nlh)
		abort();
	memcpy(nlh, data, len);
	nlh->nlmsg_len = (uint32_t)len;
	return nlh;
}

static struct nlmsghdr *end(const struct builder *builder)
{
	return copy(builder->room, builder->len);
}

static struct xfrm_usersa_info info_of(const struct sa_values *sa)
{
	struct xfrm_usersa_info info;

	memset(&info, 0xee, sizeof(info)); /* padding has any value */
	info.sel = sa->sel;
	info.id.daddr = xfrm_addr_of(sa->daddr);
	info.id.spi = htonl(sa->spi);
	info.id.proto = sa->proto;
	info.saddr = xfrm_addr_of(sa->saddr);
	memset(&info.lft, 0xff, sizeof(info.lft));
	info.curlft = (struct xfrm_lifetime_cur){
	    .bytes = sa->bytes, .packets = sa->packets, .add_time = sa->add_time};
	info.stats.integrity_failed = sa->integrity_failed;
	info.stats.replay = sa->replay;
	info.stats.replay_window = sa->replay_window;
	info.seq = sa->seq;
	info.reqid = sa->reqid;
	info.family = sa->daddr ? family_of(sa->daddr) : AF_INET;
	info.mode = sa->mode;
	info.replay_window = sa->window;
	info.flags = 0;
	return info;
}

static void put_key(struct builder *builder, uint16_t type, size_t header)
{
	char alg[200];

	memset(alg, MESSAGE_KEY_BYTE, sizeof(alg));
	put_attr(builder, type, alg, header + 20);
}

static void put_algs(struct builder *builder, unsigned algs)
{
	if (algs & MESSAGE_AEAD)
		put_key(builder, XFRMA_ALG_AEAD, sizeof(struct xfrm_algo_aead));
	if (algs & MESSAGE_AUTH)
		put_key(builder, XFRMA_ALG_AUTH, sizeof(struct xfrm_algo));
	if (algs & MESSAGE_AUTH_TRUNC)
		put_key(builder, XFRMA_ALG_AUTH_TRUNC, sizeof(struct xfrm_algo_auth));
	if (algs & MESSAGE_CRYPT)
		put_key(builder, XFRMA_ALG_CRYPT, sizeof(struct xfrm_algo));
	if (algs & MESSAGE_COMP)
		put_key(builder, XFRMA_ALG_COMP, sizeof(struct xfrm_algo));
}

static void put_replay(struct builder *builder, const struct sa_values *sa)
{
	if (sa->has_replay) {
		const struct xfrm_replay_state state = {
		    .oseq = sa->oseq, .seq = sa->iseq, .bitmap = sa->bitmap};

		put_attr(builder, XFRMA_REPLAY_VAL, &state, sizeof(state));
	}
	if (sa->has_esn) {
		const struct xfrm_replay_state_esn state = {
		    .bmp_len = 4,
		    .oseq = sa->oseq,
		    .seq = sa->iseq,
		    .oseq_hi = sa->oseq_hi,
		    .seq_hi = sa->iseq_hi,
		    .replay_window = sa->esn_window,
		};
		const uint32_t bitmap[4] = {sa->bitmap, 0, 0, 0};
		char esn[sizeof(state) + sizeof(bitmap)];

		memcpy(esn, &state, sizeof(state));
		memcpy(esn + sizeof(state), bitmap, sizeof(bitmap));
		put_attr(builder, XFRMA_REPLAY_ESN_VAL, esn, sizeof(esn));
	}
}

static void put_attrs(struct builder *builder, const struct sa_values *sa)
{
	const struct xfrm_mark mark = {.v = sa->mark, .m = sa->mark_mask};
	struct xfrm_user_offload offload;

	memset(&offload, 0, sizeof(offload)); /* with the padding */
	offload.ifindex = 7;
	offload.flags = sa->offload_flags;
	put_replay(builder, sa);
	if (sa->has_mark)
		put_attr(builder, XFRMA_MARK, &mark, sizeof(mark));
	if (sa->has_if_id)
		put_attr(builder, XFRMA_IF_ID, &sa->if_id, sizeof(sa->if_id));
	if (sa->has_offload)
		put_attr(builder, XFRMA_OFFLOAD_DEV, &offload, sizeof(offload));
	if (sa->has_dir)
		put_attr(builder, ATTR_SA_DIR, &sa->dir, sizeof(sa->dir));
	if (sa->has_pcpu)
		put_attr(builder, ATTR_SA_PCPU, &sa->pcpu, sizeof(sa->pcpu));
}

struct sa_values sa_values_of(const char *saddr, const char *daddr, uint32_t spi)
{
	return (struct sa_values){
	    .saddr = saddr,
	    .daddr = daddr,
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .spi = spi,
	    .reqid = 1,
	    .algs = MESSAGE_AEAD,
	    .add_time = 1700000000,
	};
}

struct sa sa_of(const char *saddr, const char *daddr, uint32_t spi)
{
	return (struct sa){
	    .saddr = addr_of(saddr),
	    .daddr = addr_of(daddr),
	    .family = family_of(saddr),
	    .proto = IPPROTO_ESP,
	    .mode = XFRM_MODE_TUNNEL,
	    .keyed = true,
	    .spi = spi,
	    .reqid = 1,
	    .add_time = 1700000000,
	};
}

struct nlmsghdr *message_newsa(uint16_t type, const struct sa_values *sa)
{
	const struct xfrm_usersa_info info = info_of(sa);
	struct builder builder;

	begin(&builder, type);
	put(&builder, &info, sizeof(info));
	put_algs(&builder, sa->algs);
	put_attrs(&builder, sa);
	return end(&builder);
}

struct nlmsghdr *message_delsa(const struct sa_values *sa)
{
	const struct xfrm_usersa_info info = info_of(sa);
	struct xfrm_usersa_id id;
	struct builder builder;

	memset(&id, 0, sizeof(id)); /* with the padding */
	id.daddr = info.id.daddr;
	id.spi = info.id.spi;
	id.family = info.family;
	id.proto = info.id.proto;
	begin(&builder, XFRM_MSG_DELSA);
	put(&builder, &id, sizeof(id));
	put_attr(&builder, XFRMA_SA, &info, sizeof(info));
	put_algs(&builder, sa->algs);
	put_attrs(&builder, sa);
	return end(&builder);
}

struct nlmsghdr *message_expire(const struct sa_values *sa, bool hard)
{
	const struct xfrm_mark mark = {.v = sa->mark, .m = sa->mark_mask};
	struct xfrm_user_expire expire;
	struct builder builder;

	memset(&expire, 0, sizeof(expire));
	expire.state = info_of(sa);
	expire.hard = hard;
	begin(&builder, XFRM_MSG_EXPIRE);
	put(&builder, &expire, sizeof(expire));
	/* build_expire() in net/xfrm/xfrm_user.c only sends these two */
	if (sa->has_mark)
		put_attr(&builder, XFRMA_MARK, &mark, sizeof(mark));
	if (sa->has_if_id)
		put_attr(&builder, XFRMA_IF_ID, &sa->if_id, sizeof(sa->if_id));
	return end(&builder);
}

struct nlmsghdr *message_flushsa(uint8_t proto)
{
	const struct xfrm_usersa_flush flush = {.proto = proto};

	return message_raw(XFRM_MSG_FLUSHSA, &flush, sizeof(flush));
}

struct nlmsghdr *message_migrate(void)
{
	struct xfrm_userpolicy_id id;
	struct xfrm_user_migrate migrate;
	struct builder builder;

	memset(&id, 0, sizeof(id));
	memset(&migrate, 0, sizeof(migrate));
	begin(&builder, XFRM_MSG_MIGRATE);
	put(&builder, &id, sizeof(id));
	put_attr(&builder, XFRMA_MIGRATE, &migrate, sizeof(migrate));
	return end(&builder);
}

static struct xfrm_user_tmpl template_of(const struct template_values *values)
{
	struct xfrm_user_tmpl to;

	memset(&to, 0, sizeof(to));
	to.id.daddr = xfrm_addr_of(values->daddr);
	to.id.spi = htonl(values->spi);
	to.id.proto = values->proto;
	to.saddr = xfrm_addr_of(values->saddr);
	to.family = values->family;
	to.reqid = values->reqid;
	to.mode = values->mode;
	to.aalgos = to.ealgos = to.calgos = UINT32_MAX;
	return to;
}

struct nlmsghdr *message_newpolicy(const struct policy_values *policy)
{
	const struct xfrm_mark mark = {.v = policy->mark, .m = policy->mark_mask};
	struct xfrm_user_tmpl templates[8];
	struct xfrm_userpolicy_info info;
	struct builder builder;

	memset(&info, 0, sizeof(info));
	info.sel = (struct xfrm_selector){
	    .daddr = xfrm_addr_of(policy->daddr),
	    .saddr = xfrm_addr_of(policy->saddr),
	    .dport = htons(policy->dport),
	    .dport_mask = htons(policy->dport_mask),
	    .sport = htons(policy->sport),
	    .sport_mask = htons(policy->sport_mask),
	    .family = policy->daddr ? family_of(policy->daddr) : AF_INET,
	    .prefixlen_d = policy->daddr_prefix,
	    .prefixlen_s = policy->saddr_prefix,
	    .proto = policy->proto,
	};
	info.priority = policy->priority;
	info.dir = policy->dir;
	info.action = policy->action;
	for (size_t i = 0; i < policy->n_templates; i++)
		templates[i] = template_of(&policy->templates[i]);
	begin(&builder, XFRM_MSG_NEWPOLICY);
	put(&builder, &info, sizeof(info));
	if (policy->n_templates)
		put_attr(&builder, XFRMA_TMPL, templates,
			 policy->n_templates * sizeof(*templates));
	if (policy->has_mark)
		put_attr(&builder, XFRMA_MARK, &mark, sizeof(mark));
	if (policy->has_if_id)
		put_attr(&builder, XFRMA_IF_ID, &policy->if_id, sizeof(policy->if_id));
	return end(&builder);
}

static void put_addr(struct builder *builder, uint16_t type, const char *text)
{
	struct in6_addr addr = addr_of(text);

	put_attr(builder, type, &addr, family_of(text) == AF_INET ? 4 : 16);
}

struct nlmsghdr *message_newaddr(const char *address, const char *local,
				 uint32_t if_index)
{
	const struct ifaddrmsg msg = {
	    .ifa_family = (uint8_t)family_of(local ? local : address),
	    .ifa_index = if_index,
	};
	struct builder builder;

	begin(&builder, RTM_NEWADDR);
	put(&builder, &msg, sizeof(msg));
	if (address)
		put_addr(&builder, IFA_ADDRESS, address);
	if (local)
		put_addr(&builder, IFA_LOCAL, local);
	put_attr(&builder, IFA_LABEL, "eth0", 5);
	return end(&builder);
}

struct nlmsghdr *message_newlink(uint32_t if_index, const char *kind, uint16_t type1,
				 uint32_t value1, uint16_t type2, uint32_t value2)
{
	char buffer[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof(*msg));
	struct nlattr *info;
	struct nlattr *data;

	msg->ifi_index = (int)if_index;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "name");
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, type1, value1);
	mnl_attr_put_u32(nlh, type2, value2);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return message_raw(RTM_NEWLINK, mnl_nlmsg_get_payload(nlh),
			   mnl_nlmsg_get_payload_len(nlh));
}

struct nlmsghdr *message_raw(uint16_t type, const void *payload, size_t len)
{
	struct builder builder;

	begin(&builder, type);
	put(&builder, payload, len);
	return end(&builder);
}

struct nlmsghdr *message_with_attr(const struct nlmsghdr *nlh, uint16_t type,
				   const void *payload, size_t len)
{
	struct builder builder;

	memset(&builder, 0, sizeof(builder));
	put(&builder, nlh, nlh->nlmsg_len);
	put_attr(&builder, type, payload, len);
	return end(&builder);
}

struct nlmsghdr *message_cut(const struct nlmsghdr *nlh, size_t len)
{
	return copy(nlh, len);
}

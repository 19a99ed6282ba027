/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/policy.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "kernel/message.h"
#include "util/prefix.h"

static void read_info(struct policy *policy, const struct xfrm_userpolicy_info *info)
{
	const struct xfrm_selector *sel = &info->sel;

	policy->dir = info->dir == XFRM_POLICY_OUT  ? POLICY_OUT
		      : info->dir == XFRM_POLICY_IN ? POLICY_IN
						    : POLICY_FWD;
	policy->priority = info->priority;
	policy->family = sel->family;
	message_copy_addr(&policy->saddr, &sel->saddr, sel->family);
	message_copy_addr(&policy->daddr, &sel->daddr, sel->family);
	policy->saddr_prefix = sel->prefixlen_s;
	policy->daddr_prefix = sel->prefixlen_d;
	policy->proto = sel->proto;
	policy->sport = ntohs(sel->sport);
	policy->sport_mask = ntohs(sel->sport_mask);
	policy->dport = ntohs(sel->dport);
	policy->dport_mask = ntohs(sel->dport_mask);
	policy->if_index = (uint32_t)sel->ifindex;
	policy->allow = info->action == XFRM_POLICY_ALLOW;
}

static int read_templates(struct policy *policy, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const char *at = mnl_attr_get_payload(attr);

	if (len / sizeof(struct xfrm_user_tmpl) > POLICY_MAX_TEMPLATES)
		return -EBADMSG;
	for (; len >= sizeof(struct xfrm_user_tmpl);
	     len -= sizeof(struct xfrm_user_tmpl),
	     at += sizeof(struct xfrm_user_tmpl)) {
		struct policy_template *to = &policy->templates[policy->n_templates++];
		struct xfrm_user_tmpl from;

		memcpy(&from, at, sizeof(from));
		to->family = from.family;
		message_copy_addr(&to->saddr, &from.saddr, from.family);
		message_copy_addr(&to->daddr, &from.id.daddr, from.family);
		to->spi = ntohl(from.id.spi);
		to->proto = from.id.proto;
		to->reqid = from.reqid;
		to->mode = from.mode;
	}
	return 0;
}

static int read_attr(void *ctx, const struct nlattr *attr)
{
	struct policy *policy = ctx;

	switch (mnl_attr_get_type(attr)) {
	case XFRMA_TMPL:
		policy->n_templates = 0;
		return read_templates(policy, attr);
	case XFRMA_MARK:
		return message_get_mark(attr, &policy->mark, &policy->mark_mask);
	case XFRMA_IF_ID:
		return message_get_attr(attr, &policy->if_id, sizeof(policy->if_id));
	}
	return 0;
}

int policy_parse(const struct nlmsghdr *nlh, struct policy *ret_policy)
{
	struct xfrm_userpolicy_info info;
	struct policy policy = {0};
	int err;

	if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY)
		return -ENOENT;
	err = message_get_header(nlh, &info, sizeof(info));
	if (err)
		return err;
	if (info.dir > XFRM_POLICY_FWD)
		return -ENOENT;
	read_info(&policy, &info);
	err = message_for_each_attr(nlh, sizeof(info), read_attr, &policy);
	if (!err)
		*ret_policy = policy;
	return err;
}

/* Both a template and an SA may leave an address open (xfrm_state_addr_check). */
static bool addr_matches(const struct in6_addr *wanted, const struct in6_addr *addr)
{
	return IN6_IS_ADDR_UNSPECIFIED(wanted) || IN6_IS_ADDR_UNSPECIFIED(addr) ||
	       !memcmp(wanted, addr, sizeof(*addr));
}

/* The SPI in a template is that of the SA that lived when the policy was made: where a
 * reqid tells, it says nothing about the next one. */
static bool template_matches(const struct policy_template *template,
			     const struct sa *sa)
{
	return (template->proto == 0 || template->proto == sa->proto) &&
	       template->mode == sa->mode &&
	       (template->reqid ? template->reqid == sa->reqid
				: template->spi == 0 || template->spi == sa->spi);
}

static bool addr_selected(const struct in6_addr *prefix, uint8_t len,
			  const struct in6_addr *addr)
{
	return IN6_IS_ADDR_UNSPECIFIED(addr) || prefix_holds(prefix, len, addr);
}

/* A tunnel's ends stand in its template. In transport mode an SA's are those of what
 * travels: the tunnel's around it, or of the traffic that the policy selects; but a
 * reqid says enough. */
static bool ends_match(const struct policy *policy,
		       const struct policy_template *template,
		       const struct policy_template *tunnel, const struct sa *sa)
{
	if (template != tunnel && template->reqid)
		return true;
	if (tunnel)
		return addr_matches(&tunnel->saddr, &sa->saddr) &&
		       addr_matches(&tunnel->daddr, &sa->daddr);
	return policy->family == sa->family &&
	       addr_selected(&policy->saddr, policy->saddr_prefix, &sa->saddr) &&
	       addr_selected(&policy->daddr, policy->daddr_prefix, &sa->daddr);
}

static bool policy_uses(const struct policy *policy, const struct sa *sa)
{
	const struct policy_template *tunnel = NULL;

	if (policy->if_id != sa->if_id)
		return false;
	for (size_t i = 0; i < policy->n_templates; i++) {
		const struct policy_template *template = &policy->templates[i];

		if (template->mode != XFRM_MODE_TRANSPORT)
			tunnel = template;
		if (template_matches(template, sa) &&
		    ends_match(policy, template, tunnel, sa))
			return true;
	}
	return false;
}

bool policies_ask_for(const struct policy *policies, size_t n_policies,
		      const struct sa *sa)
{
	for (size_t i = 0; i < n_policies; i++)
		if (policy_uses(&policies[i], sa))
			return true;
	return false;
}

bool policies_ask_for_path(const struct policy *policies, size_t n_policies)
{
	for (size_t i = 0; i < n_policies; i++)
		if (policies[i].if_id || policies[i].mark_mask || policies[i].if_index)
			return true;
	return false;
}

static bool port_matches(uint16_t wanted, uint16_t mask, uint16_t port)
{
	return !port || ((wanted ^ port) & mask) == 0;
}

bool policy_selects(const struct policy *policy, const struct policy_traffic *traffic)
{
	return policy->family == traffic->family && policy->if_id == traffic->if_id &&
	       (traffic->mark & policy->mark_mask) == policy->mark &&
	       (!policy->proto || policy->proto == traffic->proto) &&
	       (!policy->if_index || !traffic->if_index ||
		policy->if_index == traffic->if_index) &&
	       port_matches(policy->sport, policy->sport_mask, traffic->sport) &&
	       port_matches(policy->dport, policy->dport_mask, traffic->dport) &&
	       addr_selected(&policy->saddr, policy->saddr_prefix, traffic->saddr) &&
	       addr_selected(&policy->daddr, policy->daddr_prefix, traffic->daddr);
}

enum sa_direction policy_direction(const struct policy *policies, size_t n_policies,
				   const struct sa *sa)
{
	bool in = false;
	bool out = false;

	for (size_t i = 0; i < n_policies; i++)
		if (policy_uses(&policies[i], sa))
			*(policies[i].dir == POLICY_OUT ? &out : &in) = true;
	if (in == out)
		return SA_DIR_UNKNOWN;
	return out ? SA_DIR_OUT : SA_DIR_IN;
}

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

	policy->dir = (enum policy_dir)info->dir;
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
	size_t n = mnl_attr_get_payload_len(attr) / sizeof(struct xfrm_user_tmpl);
	const char *at = mnl_attr_get_payload(attr);

	if (n > POLICY_MAX_TEMPLATES)
		return -EBADMSG;
	for (; policy->n_templates < n; policy->n_templates++) {
		struct policy_template *to = &policy->templates[policy->n_templates];
		struct xfrm_user_tmpl from;

		memcpy(&from, at, sizeof(from));
		at += sizeof(from);
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

int policy_parse(const struct nlmsghdr *nlh, struct policy *ret_policy)
{
	const struct nlattr *attrs[XFRMA_IF_ID + 1];
	struct xfrm_userpolicy_info info;
	struct xfrm_mark mark = {0};
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
	err = message_find_attrs(nlh, sizeof(info), attrs, XFRMA_IF_ID + 1);
	if (!err && attrs[XFRMA_TMPL])
		err = read_templates(&policy, attrs[XFRMA_TMPL]);
	if (err)
		return err;
	if (!message_copy_attr(attrs[XFRMA_MARK], &mark, sizeof(mark)) ||
	    !message_copy_attr(attrs[XFRMA_IF_ID], &policy.if_id, sizeof(policy.if_id)))
		return -EBADMSG;
	policy.mark = mark.v;
	policy.mark_mask = mark.m;
	*ret_policy = policy;
	return 0;
}

/* A template and an SA may both leave an address open (xfrm_state_addr_check). */
static bool addr_matches(const struct in6_addr *wanted, const struct in6_addr *addr)
{
	return IN6_IS_ADDR_UNSPECIFIED(wanted) || IN6_IS_ADDR_UNSPECIFIED(addr) ||
	       !memcmp(wanted, addr, sizeof(*addr));
}

/* The SPI in a template is the one of the SA at the time when the policy was made. If
 * the template has a reqid, only that identifies later SAs. */
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

/* The template of a tunnel has its ends. An SA in transport mode has the ends of the
 * packets that it protects: those of the tunnel in the same policy, or else of the
 * selected traffic. Its reqid is enough if there is one. */
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

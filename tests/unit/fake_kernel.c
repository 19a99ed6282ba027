/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_kernel.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "util/prefix.h"

static void note(struct fake_kernel *kernel, char what)
{
	size_t len = strlen(kernel->asked);

	if (len + 1 < sizeof(kernel->asked))
		kernel->asked[len] = what;
}

/* The message is wiped and freed after it was read, as the real one is, so that a
 * pointer to it that is kept shows in a test. */
static int hand_over(const struct nlmsghdr *nlh, kernel_message_cb cb, void *ctx)
{
	struct nlmsghdr *copy = message_cut(nlh, nlh->nlmsg_len);
	size_t len = nlh->nlmsg_len;
	int err = cb(ctx, copy);

	memset(copy, 0xdd, len);
	free(copy);
	return err;
}

static int dump(void *ctx, enum kernel_dump what, kernel_message_cb cb, void *cb_ctx)
{
	struct fake_kernel *kernel = ctx;
	const struct message_list *list = &kernel->dumps[what];

	note(kernel, "SPAL"[what]);
	for (size_t i = 0; i <= list->n; i++) {
		int err;

		if (kernel->dump_error[what] && i == kernel->dump_error_after[what])
			return kernel->dump_error[what];
		if (what == KERNEL_DUMP_SAD && kernel->during &&
		    i == kernel->during_after) {
			void (*during)(struct fake_kernel *) = kernel->during;

			kernel->during = NULL;
			during(kernel);
		}
		if (i == list->n)
			break;
		err = hand_over(list->messages[i], cb, cb_ctx);
		if (err)
			return err;
	}
	if (what == KERNEL_DUMP_SAD)
		kernel->now += kernel->dump_takes;
	return 0;
}

static int read_events(void *ctx, kernel_message_cb cb, void *cb_ctx)
{
	struct fake_kernel *kernel = ctx;
	struct message_list events = kernel->events;
	size_t n = events.n;
	int err = 0;

	note(kernel, 'E');
	if (kernel->n_events_errors > 0) {
		kernel->n_events_errors--;
		return kernel->events_error;
	}
	if (kernel->events_a_read && events.n > kernel->events_a_read)
		n = kernel->events_a_read;
	kernel->events = (struct message_list){0};
	for (size_t i = n; i < events.n; i++)
		fake_kernel_add(&kernel->events, events.messages[i]);
	events.n = n;
	for (size_t i = 0; i < n && !err; i++)
		err = hand_over(events.messages[i], cb, cb_ctx);
	fake_kernel_clear(&events);
	return err ? err : kernel->events.n > 0;
}

static int route(void *ctx, uint16_t family, const struct in6_addr *local,
		 const struct in6_addr *remote, uint32_t bound, uint32_t *ret_if_index)
{
	struct fake_kernel *kernel = ctx;

	(void)family, (void)local, (void)remote;
	note(kernel, 'R');
	if (!kernel->route && !bound)
		return -ENETUNREACH;
	*ret_if_index = bound ? bound : kernel->route;
	return 0;
}

static int route_type(void *ctx, uint16_t family, const struct in6_addr *addr,
		      uint32_t mark, uint8_t *ret_type)
{
	struct fake_kernel *kernel = ctx;

	note(kernel, 'T');
	kernel->n_lookups++;
	if (kernel->route_type_error)
		return kernel->route_type_error;
	*ret_type = RTN_UNICAST;
	for (size_t i = 0; i < kernel->n_local_routes; i++) {
		const struct fake_route *route = &kernel->local_routes[i];

		if (route->family == family && route->mark == mark &&
		    prefix_holds(&route->addr, route->len, addr))
			*ret_type = route->type;
	}
	return 0;
}

static bool addrs_changed(void *ctx)
{
	struct fake_kernel *kernel = ctx;
	bool changed = kernel->addrs_changed;

	kernel->addrs_changed = false;
	return changed;
}

static uint64_t count_foreign(void *ctx)
{
	const struct fake_kernel *kernel = ctx;

	return kernel->n_foreign;
}

static int read_xfrm_stat(void *ctx, struct xfrm_stat *ret)
{
	struct fake_kernel *kernel = ctx;

	note(kernel, 'X');
	if (kernel->xfrm_stat_error)
		return kernel->xfrm_stat_error;
	return xfrm_stat_parse(kernel->xfrm_stat, strlen(kernel->xfrm_stat), ret);
}

static uint32_t if_index(void *ctx, const char *name)
{
	const struct fake_kernel *kernel = ctx;
	bool there = kernel->interface && !strcmp(kernel->interface, name);

	return there ? kernel->if_index : 0;
}

static uint64_t now(void *ctx)
{
	const struct fake_kernel *kernel = ctx;

	return kernel->now;
}

const struct kernel_ops fake_kernel_ops = {
    .dump = dump,
    .read_events = read_events,
    .route = route,
    .route_type = route_type,
    .addrs_changed = addrs_changed,
    .count_foreign = count_foreign,
    .read_xfrm_stat = read_xfrm_stat,
    .if_index = if_index,
    .now = now,
};

void fake_kernel_add(struct message_list *list, struct nlmsghdr *nlh)
{
	struct nlmsghdr **grown =
	    realloc(list->messages, (list->n + 1) * sizeof(*list->messages));

	if (!grown)
		abort();
	list->messages = grown;
	grown[list->n++] = nlh;
}

void fake_kernel_clear(struct message_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->messages[i]);
	free(list->messages);
	*list = (struct message_list){0};
}

void fake_kernel_event(struct fake_kernel *kernel, struct nlmsghdr *nlh)
{
	fake_kernel_add(&kernel->events, nlh);
}

void fake_kernel_sa(struct fake_kernel *kernel, const struct sa_values *sa)
{
	fake_kernel_add(&kernel->dumps[KERNEL_DUMP_SAD],
			message_newsa(XFRM_MSG_NEWSA, sa));
}

void fake_kernel_policy(struct fake_kernel *kernel, const struct policy_values *policy)
{
	fake_kernel_add(&kernel->dumps[KERNEL_DUMP_SPD], message_newpolicy(policy));
}

void fake_kernel_addr(struct fake_kernel *kernel, const char *addr, uint32_t if_index)
{
	fake_kernel_add(&kernel->dumps[KERNEL_DUMP_ADDRS],
			message_newaddr(addr, addr, if_index));
}

void fake_kernel_route(struct fake_kernel *kernel, const char *addr, uint8_t len,
		       uint8_t type)
{
	if (kernel->n_local_routes == FAKE_ROUTES)
		abort();
	kernel->local_routes[kernel->n_local_routes++] = (struct fake_route){
	    .addr = addr_of(addr), .family = family_of(addr), .len = len, .type = type};
}

void fake_kernel_link(struct fake_kernel *kernel, uint32_t if_index, uint32_t if_id)
{
	fake_kernel_add(&kernel->dumps[KERNEL_DUMP_LINKS],
			message_newlink(if_index, "xfrm", IFLA_XFRM_LINK, 1,
					IFLA_XFRM_IF_ID, if_id));
}

void fake_kernel_free(struct fake_kernel *kernel)
{
	for (size_t i = 0; i < 4; i++)
		fake_kernel_clear(&kernel->dumps[i]);
	fake_kernel_clear(&kernel->events);
}

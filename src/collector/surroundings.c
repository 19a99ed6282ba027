/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/surroundings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"

const struct source_text source_texts[SOURCE_COUNT] = {
    [SOURCE_SAS] = {"the kernel's SAs", "the last numbers are served"},
    [SOURCE_EVENTS] = {"the kernel's events", "SAs are counted by polls alone"},
    [SOURCE_ADDRS] = {"the addresses", "the last list is used"},
    [SOURCE_POLICIES] = {"the policies", "SAs are attributed by the last list"},
    [SOURCE_LINKS] = {"the interfaces", "SAs are attributed by the last list"},
    [SOURCE_ROUTES] = {"the routes", "SAs are attributed by the last ones"},
    [SOURCE_LOCAL_ROUTES] = {"the local routes",
			     "addresses on no interface count as remote"},
    [SOURCE_INSTANCES] = {"the HBA instances", "rows may be missing"},
};

void faults_note(struct faults *faults, enum source source, int err)
{
	faults->errors[source] = err;
	if (err)
		faults_say(faults, "reading %s: %s", source_texts[source].name,
			   strerror(-err));
}

void faults_say(struct faults *faults, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(faults->last, sizeof(faults->last), format, args);
	va_end(args);
}

static int ask_route_type(void *ctx, uint16_t family, const struct in6_addr *addr,
			  uint32_t mark, uint8_t *ret_type)
{
	struct surroundings *around = ctx;
	unsigned attempt = 0;
	int err;

	if (!around->kernel)
		return -ENODEV;
	do
		err = around->ops->route_type(around->kernel, family, addr, mark,
					      ret_type);
	while (retry_is_due(err, &attempt));
	if (err)
		faults_note(around->faults, SOURCE_LOCAL_ROUTES, err);
	return err;
}

void surroundings_init(struct surroundings *around, void *kernel)
{
	surroundings_attach(around, kernel, true);
	local_routes_init(&around->routes, ask_route_type, around);
}

void surroundings_free(struct surroundings *around)
{
	local_addrs_free(&around->addrs);
	local_routes_free(&around->routes);
	free(around->policies);
}

void surroundings_detach(struct surroundings *around)
{
	around->detached_at = surroundings_now(around);
	around->kernel = NULL;
}

void surroundings_attach(struct surroundings *around, void *kernel, bool same)
{
	around->kernel = kernel;
	memset(around->faults->errors, 0, sizeof(around->faults->errors));
	if (!same) {
		local_addrs_clear(&around->addrs);
		around->addrs_known = false;
		around->n_policies = 0;
	}
	around->addrs_stale = true;
	around->policies_stale = true;
	around->policies_wanted = true;
}

uint64_t surroundings_now(const struct surroundings *around)
{
	return around->kernel ? around->ops->now(around->kernel) : around->detached_at;
}

void surroundings_begin(struct surroundings *around)
{
	local_routes_begin(&around->routes, surroundings_now(around));
	faults_note(around->faults, SOURCE_LOCAL_ROUTES, 0);
	around->n_compared = 0;
}

static int add_addr(void *ctx, const struct nlmsghdr *nlh)
{
	return local_addrs_add(ctx, nlh);
}

bool surroundings_read_addrs(struct surroundings *around)
{
	struct local_addrs fresh = {0};
	unsigned attempt = 0;
	int err;

	if (around->ops->addrs_changed(around->kernel))
		around->addrs_stale = true;
	if (!around->addrs_stale)
		return false;
	do {
		local_addrs_clear(&fresh);
		err = around->ops->dump(around->kernel, KERNEL_DUMP_ADDRS, add_addr,
					&fresh);
	} while (retry_is_due(err, &attempt));
	faults_note(around->faults, SOURCE_ADDRS, err);
	if (err) {
		local_addrs_free(&fresh);
		return false;
	}
	local_addrs_sort(&fresh);
	local_addrs_free(&around->addrs);
	around->addrs = fresh;
	around->addrs_known = true;
	around->addrs_stale = false;
	return true;
}

struct policy_list {
	struct policy *policies;
	size_t n;
};

static int add_policy(void *ctx, const struct nlmsghdr *nlh)
{
	struct policy_list *list = ctx;
	struct policy policy;
	int err = policy_parse(nlh, &policy);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (array_reserve(&list->policies, list->n, 1) < 0)
		return -ENOMEM;
	list->policies[list->n++] = policy;
	return 0;
}

int surroundings_read_policies(struct surroundings *around)
{
	struct policy_list fresh = {0};
	unsigned attempt = 0;
	int err;

	do {
		fresh.n = 0;
		err = around->ops->dump(around->kernel, KERNEL_DUMP_SPD, add_policy,
					&fresh);
	} while (retry_is_due(err, &attempt));
	faults_note(around->faults, SOURCE_POLICIES, err);
	if (err) {
		free(fresh.policies);
		return err;
	}
	free(around->policies);
	around->policies = fresh.policies;
	around->n_policies = fresh.n;
	around->policies_stale = false;
	around->policies_wanted = false;
	return 0;
}

static int add_link(void *ctx, const struct nlmsghdr *nlh)
{
	return links_add(ctx, nlh);
}

/* True if the kernel says that there is no route. */
static bool is_no_route(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES ||
	       err == -EINVAL || err == -ENODEV || err == -ENOENT ||
	       err == -EADDRNOTAVAIL;
}

static int ask_route(void *ctx, const struct iscsi_connection *connection,
		     const struct iscsi_host *host, uint32_t *ret_if_index)
{
	const struct surroundings *around = ctx;
	uint32_t bound =
	    host->netdev[0] ? around->ops->if_index(around->kernel, host->netdev) : 0;
	int err =
	    around->ops->route(around->kernel, connection->family, &connection->local,
			       &connection->remote, bound, ret_if_index);

	return is_no_route(err) ? 0 : err;
}

static int ask_routes(struct surroundings *around, const struct links *links)
{
	unsigned attempt = 0;
	int err;

	do
		err = inventory_find_paths(around->inventory, links, ask_route, around);
	while (retry_is_due(err, &attempt));
	faults_note(around->faults, SOURCE_ROUTES, err);
	return err;
}

int surroundings_find_paths(struct surroundings *around)
{
	struct links links = {0};
	unsigned attempt = 0;
	int err;

	if (!policies_ask_for_path(around->policies, around->n_policies)) {
		inventory_find_paths(around->inventory, &links, NULL, NULL);
		return 0;
	}
	do {
		links_free(&links);
		err = around->ops->dump(around->kernel, KERNEL_DUMP_LINKS, add_link,
					&links);
	} while (retry_is_due(err, &attempt));
	faults_note(around->faults, SOURCE_LINKS, err);
	if (!err)
		err = ask_routes(around, &links);
	links_free(&links);
	return err;
}

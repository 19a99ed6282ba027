/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/collector.h"

#include <errno.h>
#include <limits.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "instance/attribute.h"
#include "collector/error_columns.h"
#include "collector/faults.h"
#include "instance/inventory.h"
#include "kernel/iscsi_sysfs.h"
#include "ledger/ledger.h"
#include "kernel/link.h"
#include "kernel/local_addr.h"
#include "kernel/local_route.h"
#include "kernel/policy.h"
#include "instance/row_room.h"
#include "kernel/sa.h"
#include "util/text.h"

enum {
	MAX_DRAINS = 4,
	/* Policies compared with SAs of unknown direction from one poll to the next,
	 * some 20 ms' worth. An SA that has carried packets hardly needs them. */
	POLICY_BUDGET = 4 * 1000 * 1000,
	MAX_ATTEMPTS = 5, /* at one dump, while others change what it lists */
};

/* How long a policy may come after its SA. */
#define GUESS_NS LEDGER_MOVE_NS

/* What the collector itself keeps of an instance, beside the ledger's row. */
struct row {
	struct error_counts errors;
	uint64_t losses; /* the ledger's, when last looked at */
	uint64_t discontinuity;
};

struct collector {
	const struct kernel_ops *ops;
	void *kernel; /* NULL: detached */
	struct collector_options options;
	struct inventory inventory;
	struct ledger *ledger;
	struct row *rows; /* one for each instance */
	size_t n_rows;
	size_t n_rows_allocated;
	struct local_addrs addrs;
	struct local_routes routes;
	struct policy *policies;
	size_t n_policies;
	size_t policies_compared; /* of POLICY_BUDGET */
	bool addrs_known;         /* a whole list was read */
	bool addrs_stale;
	bool policies_stale;
	bool undecided;       /* an SA waits for what could not be read */
	bool policies_wanted; /* for the direction of an SA */
	bool reattribute;     /* rules or addresses have changed */
	bool guessing;        /* no policy has come for what may be a connection's */
	uint64_t guess_at;    /* when that is to be taken for true, 0: nothing waits */
	bool lost_events;     /* since the last whole dump began */
	struct xfrm_totals xfrm;
	struct xfrm_stat_status xfrm_status;
	bool xfrm_reset; /* a counter was set back */
	struct error_columns errors;
	uint64_t detached_at;
	uint64_t n_foreign; /* the kernel's count of them, when last looked at */
	struct ledger_record *kept; /* SAs that were alive when it was detached */
	size_t n_kept;
	bool stale;
	struct collector_room room;
	struct faults faults;
	struct health health;
};

/* A clock that stands still while there is no kernel. */
static uint64_t now(const struct collector *collector)
{
	return collector->kernel ? collector->ops->now(collector->kernel)
				 : collector->detached_at;
}

/* What was read, or why it was not. */
static void note_source(struct collector *collector, enum source source, int err)
{
	struct health *health = &collector->health;

	collector->faults.errors[source] = err;
	if (err)
		snprintf(health->last_error, sizeof(health->last_error),
			 "reading %s: %s", source_name(source), strerror(-err));
}

/* True if the claims are made from what is there now: what no policy claims then can be
 * told from what could not be read. */
static bool claims_are_current(const struct collector *collector)
{
	return !collector->policies_stale && !collector->inventory.flows_changed;
}

/* True if what tells an SA's direction could not be read. It is asked for again. */
static bool lacks_sources(const struct collector *collector)
{
	return !collector->addrs_known || collector->faults.errors[SOURCE_POLICIES];
}

/* Errors that the next attempt may not meet. Most of all an interrupted dump, which may
 * lack entries or have them twice (NLM_F_DUMP_INTR, nl_dump_check_consistent). A kernel
 * that has kept us waiting is not asked again before the next poll. */
static bool is_worth_repeating(int err)
{
	return err && err != -EPERM && err != -ETIMEDOUT;
}

/* At once, some times. begin() forgets what the attempt before has brought. */
static int dump_whole(struct collector *collector, enum kernel_dump what,
		      void (*begin)(void *ctx), kernel_message_cb cb, void *ctx)
{
	int err;

	for (int i = 1;; i++) {
		begin(ctx);
		err = collector->ops->dump(collector->kernel, what, cb, ctx);
		if (!is_worth_repeating(err) || i == MAX_ATTEMPTS)
			return err;
	}
}

/* Who an SA is: the ledger's questions. */

static int ask_route_type(void *ctx, uint16_t family, const struct in6_addr *addr,
			  uint32_t mark, uint8_t *ret_type)
{
	struct collector *collector = ctx;
	int err;

	if (!collector->kernel)
		return -ENODEV;
	for (int i = 1;; i++) {
		err = collector->ops->route_type(collector->kernel, family, addr, mark,
						 ret_type);
		if (!is_worth_repeating(err) || i == MAX_ATTEMPTS)
			break;
	}
	if (err)
		note_source(collector, SOURCE_LOCAL_ROUTES, err);
	return err;
}

/* How many policies may be compared with an SA. */
static size_t take_policies(struct collector *collector)
{
	if (collector->policies_compared >= POLICY_BUDGET)
		return 0;
	collector->policies_compared += collector->n_policies;
	return collector->n_policies;
}

static enum sa_direction ask_direction(void *ctx, const struct sa *sa)
{
	struct collector *collector = ctx;
	struct sa_ends ends = attribute_ends(sa, &collector->addrs, &collector->routes);
	enum sa_direction direction = SA_DIR_UNKNOWN;
	bool needs_policies = attribute_needs_policies(sa, &ends);

	/* No dump inside a dump: the ledger asks again at the next. */
	collector->policies_wanted |= needs_policies;
	if (!needs_policies || !collector->policies_stale)
		direction =
		    attribute_direction(sa, &ends, collector->policies,
					needs_policies ? take_policies(collector) : 0);
	if (direction == SA_DIR_UNKNOWN && lacks_sources(collector))
		collector->undecided = true;
	return direction;
}

static unsigned ask_row(void *ctx, const struct sa *sa, enum sa_direction direction)
{
	struct collector *collector = ctx;
	bool guess;
	unsigned row =
	    inventory_row(&collector->inventory, &collector->addrs, collector->policies,
			  collector->n_policies, sa, direction, &guess);

	/* A row is for life: which end is ours must be known, if it can be. */
	if (direction == SA_DIR_UNKNOWN && collector->undecided)
		return 0;
	/* Its policy may be on its way, so it is asked for again later. */
	if (guess && (!collector->guessing || !claims_are_current(collector))) {
		if (!collector->guess_at)
			collector->guess_at = now(collector) + GUESS_NS;
		return 0;
	}
	/* of an instance for which there was no memory */
	return row < collector->n_rows ? row : 0;
}

/* Memory for so many rows, in the ledger and here. */
static int reserve_rows(struct collector *collector, size_t n)
{
	struct row *rows;
	int err = ledger_grow_rows(collector->ledger, (unsigned)n);

	if (err || n <= collector->n_rows_allocated)
		return err;
	rows = realloc(collector->rows, n * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	collector->rows = rows;
	collector->n_rows_allocated = n;
	return 0;
}

/* A row for every instance; those of new ones begin now. */
static int begin_rows(struct collector *collector)
{
	struct instance_set *set = &collector->inventory.set;
	int err = reserve_rows(collector, set->n);

	if (err)
		return err;
	collector->n_rows = set->n;
	for (size_t i = 0; i < set->n; i++) {
		if (!set->instances[i].added)
			continue;
		collector->rows[i] = (struct row){.discontinuity = now(collector)};
		set->instances[i].added = false;
	}
	return 0;
}

struct collector *collector_new(const struct kernel_ops *ops, void *kernel,
				const struct collector_options *options,
				const struct instance_set *instances)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	const struct ledger_env env = {collector, ask_direction, ask_row};

	if (!collector)
		return NULL;
	collector->ops = ops;
	collector->kernel = kernel;
	collector->options = *options;
	collector->addrs_stale = true;
	collector->policies_stale = true;
	collector->policies_wanted = true;
	local_routes_init(&collector->routes, ask_route_type, collector);
	collector->ledger = ledger_new(&env, 1);
	if (!collector->ledger ||
	    inventory_init(&collector->inventory, instances) < 0 ||
	    begin_rows(collector) < 0) {
		collector_free(collector);
		return NULL;
	}
	return collector;
}

void collector_free(struct collector *collector)
{
	if (!collector)
		return;
	ledger_free(collector->ledger);
	inventory_free(&collector->inventory);
	local_addrs_free(&collector->addrs);
	local_routes_free(&collector->routes);
	free(collector->policies);
	free(collector->rows);
	free(collector->kept);
	free(collector);
}

/* Addresses and policies. */

static int add_addr(void *ctx, const struct nlmsghdr *nlh)
{
	return local_addrs_add(ctx, nlh);
}

static void begin_addrs(void *ctx)
{
	local_addrs_clear(ctx);
}

/* If they cannot be read the last list stands. */
static void refresh_addrs(struct collector *collector)
{
	struct local_addrs fresh = {0};
	int err;

	if (collector->ops->addrs_changed(collector->kernel))
		collector->addrs_stale = true;
	if (!collector->addrs_stale)
		return;
	err = dump_whole(collector, KERNEL_DUMP_ADDRS, begin_addrs, add_addr, &fresh);
	note_source(collector, SOURCE_ADDRS, err);
	if (err) {
		local_addrs_free(&fresh);
		return;
	}
	local_addrs_sort(&fresh);
	local_addrs_free(&collector->addrs);
	collector->addrs = fresh;
	collector->addrs_known = true;
	collector->addrs_stale = false;
	collector->inventory.read_at = 0;
	collector->reattribute = true;
}

/* Policies as they are read. */
struct policy_list {
	struct policy *policies;
	size_t n;
	size_t n_allocated;
};

static void begin_policies(void *ctx)
{
	((struct policy_list *)ctx)->n = 0;
}

static int add_policy(void *ctx, const struct nlmsghdr *nlh)
{
	struct policy_list *list = ctx;
	struct policy policy;
	int err = policy_parse(nlh, &policy);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (list->n == list->n_allocated) {
		size_t n = list->n ? list->n * 2 : 16;
		struct policy *grown = realloc(list->policies, n * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->policies = grown;
		list->n_allocated = n;
	}
	list->policies[list->n++] = policy;
	return 0;
}

/* If they cannot be read the last list stands. */
static int dump_policies(struct collector *collector)
{
	struct policy_list fresh = {0};
	int err =
	    dump_whole(collector, KERNEL_DUMP_SPD, begin_policies, add_policy, &fresh);

	note_source(collector, SOURCE_POLICIES, err);
	if (err) {
		free(fresh.policies);
		return err;
	}
	free(collector->policies);
	collector->policies = fresh.policies;
	collector->n_policies = fresh.n;
	collector->policies_stale = false;
	collector->policies_wanted = false;
	return 0;
}

/* Routes, for policies that look at more than addresses. */

static int add_link(void *ctx, const struct nlmsghdr *nlh)
{
	return links_add(ctx, nlh);
}

static void begin_links(void *ctx)
{
	links_free(ctx);
}

struct route_asker {
	const struct collector *collector;
	int err; /* of the first that could not be asked for */
};

/* The kernel's word that there is none. */
static bool is_no_route(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES ||
	       err == -EINVAL || err == -ENODEV || err == -ENOENT ||
	       err == -EADDRNOTAVAIL;
}

static uint32_t ask_route(void *ctx, const struct iscsi_connection *connection,
			  const struct iscsi_host *host)
{
	struct route_asker *asker = ctx;
	const struct collector *collector = asker->collector;
	uint32_t if_index = 0;
	uint32_t bound;
	int err;

	if (asker->err)
		return 0;
	bound = host->netdev[0]
		    ? collector->ops->if_index(collector->kernel, host->netdev)
		    : 0;
	err = collector->ops->route(collector->kernel, connection->family,
				    &connection->local, &connection->remote, bound,
				    &if_index);
	if (err && !is_no_route(err))
		asker->err = err;
	return err ? 0 : if_index;
}

static int find_paths(struct collector *collector)
{
	struct route_asker asker = {collector, 0};
	struct links links = {0};
	int err;

	if (!policies_ask_for_path(collector->policies, collector->n_policies)) {
		inventory_find_paths(&collector->inventory, &links, NULL, NULL);
		return 0;
	}
	err = dump_whole(collector, KERNEL_DUMP_LINKS, begin_links, add_link, &links);
	note_source(collector, SOURCE_LINKS, err);
	for (int i = 1; !err; i++) {
		asker.err = 0;
		inventory_find_paths(&collector->inventory, &links, ask_route, &asker);
		if (!is_worth_repeating(asker.err) || i == MAX_ATTEMPTS) {
			err = asker.err;
			note_source(collector, SOURCE_ROUTES, err);
			break;
		}
	}
	links_free(&links);
	return err;
}

/* Claims are made from all of policies, interfaces and routes, or stay as they are: the
 * next poll tries again. */
static void make_claims(struct collector *collector)
{
	struct inventory *inventory = &collector->inventory;
	int err = 0;

	if (collector->policies_stale &&
	    (collector->policies_wanted || inventory_wants_policies(inventory))) {
		err = dump_policies(collector);
		/* also if a step below fails */
		inventory->flows_changed |= !err;
	}
	if (err || !inventory->flows_changed || find_paths(collector) < 0)
		return;
	err = inventory_claim(inventory, collector->policies, collector->n_policies,
			      false, &collector->reattribute);
	if (err)
		note_source(collector, SOURCE_INSTANCES, err);
}

/* Policies are read when one has changed and something hangs on them: a connection, or
 * an SA between two local addresses. Then whose SAs are may have changed as well. */
static void refresh_claims(struct collector *collector)
{
	int err;

	make_claims(collector);
	if (!collector->reattribute && !collector->guessing)
		return;
	err = ledger_reattribute(collector->ledger);
	if (err)
		note_source(collector, SOURCE_INSTANCES, err);
	else
		collector->reattribute = false;
}

/* With guesses about SAs whose policy should have come by now, and at the start about
 * all of them. */
static void refresh_claims_and_guess(struct collector *collector)
{
	bool due = collector->guess_at && now(collector) >= collector->guess_at;

	collector->guessing = !collector->health.last_poll || due;
	refresh_claims(collector);
	if (collector->guessing && claims_are_current(collector))
		collector->guess_at = 0;
	collector->guessing = !collector->health.last_poll;
}

/* Events. */

static void note_loss(struct collector *collector)
{
	collector->lost_events = true;
	ledger_note_gap(collector->ledger);
}

static int handle_event(void *ctx, const struct nlmsghdr *nlh)
{
	struct collector *collector = ctx;
	struct sa_event event;
	int err = sa_event_parse(nlh, &event);

	collector->health.events++;
	if (!err && event.type == SA_EVENT_POLICY)
		collector->policies_stale = true;
	if (!err)
		err = ledger_event(collector->ledger, &event);
	if (err)
		note_loss(collector); /* the dump will make up for it */
	return 0;
}

static void tell_time(struct collector *collector)
{
	ledger_set_now(collector->ledger, now(collector));
}

/* Reads until nothing waits. Returns 0; 1 if there is no end to it; or -errno. */
static int read_waiting(struct collector *collector)
{
	int ret = 1;

	tell_time(collector);
	for (int i = 0; i < MAX_DRAINS && ret; i++) {
		ret = collector->ops->read_events(collector->kernel, handle_event,
						  collector);
		if (ret == -ENOBUFS || ret == -ENOSPC) {
			note_loss(collector);
			collector->health.event_losses++;
		} else if (ret < 0) {
			return ret;
		}
	}
	return ret != 0;
}

/* Before and after a dump, which must get its turn: what is left unread then counts as
 * lost. */
static void drain(struct collector *collector)
{
	int ret = read_waiting(collector);

	if (ret)
		note_loss(collector);
	note_source(collector, SOURCE_EVENTS, ret < 0 ? ret : 0);
}

static void count_foreign(struct collector *collector)
{
	struct health *health = &collector->health;
	uint64_t n = collector->ops->count_foreign(collector->kernel);

	if (n == collector->n_foreign)
		return;
	health->foreign += n - collector->n_foreign;
	collector->n_foreign = n;
	snprintf(health->last_error, sizeof(health->last_error),
		 "dropped %" PRIu64 " netlink messages that the kernel did not send",
		 health->foreign);
}

/* Events are read even if the addresses cannot be: they would wait for ever. */
int collector_read_events(struct collector *collector)
{
	int ret;

	refresh_addrs(collector);
	ret = read_waiting(collector);
	count_foreign(collector);
	if (ret < 0)
		note_source(collector, SOURCE_EVENTS, ret);
	return ret < 0 ? ret : 0;
}

void collector_note_gap(struct collector *collector)
{
	note_loss(collector);
}

bool collector_wants_poll(const struct collector *collector)
{
	return collector->lost_events || collector->routes.starved ||
	       ledger_wants_dump(collector->ledger);
}

/* Instances: what the system says of them now. */

/* Which interfaces the rules name. Whose a connection is may hang on it. */
static void refresh_rules(struct collector *collector, struct instance *instance)
{
	for (size_t i = 0; i < instance->n_rules; i++) {
		struct instance_rule *rule = &instance->rules[i];
		uint32_t index = 0;

		if (!rule->device[0])
			continue;
		index = collector->ops->if_index(collector->kernel, rule->device);
		if (index == rule->device_index)
			continue;
		rule->device_index = index;
		collector->reattribute = true;
		collector->inventory.read_at = 0;
	}
}

/* The interface that a rule names, else the driver, else the one with the address. */
static void refresh_if_index(struct collector *collector, struct instance *instance)
{
	instance->if_index = 0;
	for (size_t i = 0; i < instance->n_rules && !instance->if_index; i++)
		instance->if_index = instance->rules[i].device_index;
	if (!instance->if_index && instance->present && instance->netdev[0])
		instance->if_index =
		    collector->ops->if_index(collector->kernel, instance->netdev);
	if (!instance->if_index)
		instance->if_index = instance->local_if_index;
}

static bool is_on_interface(const struct instance_rule *rule,
			    const struct local_addrs *addrs)
{
	for (size_t i = 0; i < addrs->n; i++)
		if (prefix_matches(&rule->local, addrs->addrs[i].family,
				   &addrs->addrs[i].addr))
			return true;
	return false;
}

/* Of a prefix the first address is looked up. A route to a part of it is not found so:
 * whether there is one the row's SAs tell. */
static bool has_local_addr(struct collector *collector, size_t number,
			   const struct instance_rule *rule)
{
	const struct prefix *local = &rule->local;
	uint32_t mark = rule->has_mark ? rule->mark & rule->mark_mask : 0;
	enum local_kind kind;

	if (!local->family || is_on_interface(rule, &collector->addrs))
		return true;
	kind = local_routes_find(&collector->routes, local->family, &local->addr, mark);
	if (kind == LOCAL_OWN || kind == LOCAL_GROUP)
		return true;
	return local->len < (local->family == AF_INET ? 32 : 128) &&
	       ledger_row(collector->ledger, (unsigned)number)->stats.active_sa > 0;
}

/* The device is there, and so is the address, as far as a rule names them. */
static bool is_present(struct collector *collector, size_t number)
{
	const struct instance *instance = &collector->inventory.set.instances[number];

	for (size_t i = 0; i < instance->n_rules; i++) {
		const struct instance_rule *rule = &instance->rules[i];

		if (rule->device[0] && !rule->device_index)
			continue;
		if (has_local_addr(collector, number, rule))
			return true;
	}
	return false;
}

static void refresh_presence(struct collector *collector)
{
	struct instance_set *set = &collector->inventory.set;

	set->instances[0].active = true;
	for (size_t i = 1; i < collector->n_rows; i++)
		set->instances[i].active =
		    set->instances[i].present || is_present(collector, i);
}

/* Too many rows: those that can be dropped. */

/* What it had counted goes with it. Integrity failures are in the namespace's count of
 * what was not decrypted, too, which is made from their sum over all rows: it must not
 * move. The base may wrap, and the difference is right all the same. */
static void drop_row(struct collector *collector, unsigned number)
{
	struct instance_set *set = &collector->inventory.set;

	collector->errors.base_integrity -=
	    ledger_row(collector->ledger, number)->stats.packets_not_authenticated;
	collector->room.n_dropped++;
	memcpy(collector->room.dropped, set->instances[number].name,
	       sizeof(collector->room.dropped));
	ledger_reset_row(collector->ledger, number);
	inventory_remove(&collector->inventory, number);
}

static int drop_rows(struct collector *collector, size_t wanted)
{
	struct instance_set *set = &collector->inventory.set;
	unsigned *numbers = calloc(set->n, sizeof(*numbers));
	bool *busy = calloc(set->n, sizeof(*busy));
	int err = numbers && busy ? 0 : -ENOMEM;
	size_t n = 0;

	if (!err) {
		ledger_find_busy(collector->ledger, busy);
		for (size_t i = 0; i < collector->n_kept; i++)
			busy[collector->kept[i].row] = true;
		n = row_room_choose(set, busy, wanted, numbers);
	}
	for (size_t i = 0; i < n; i++)
		drop_row(collector, numbers[i]);
	free(numbers);
	free(busy);
	if (n && set->n_refused)
		err = inventory_rediscover(&collector->inventory, &collector->addrs);
	return err ? err : begin_rows(collector);
}

static int make_room(struct collector *collector)
{
	struct instance_set *set = &collector->inventory.set;
	size_t wanted = row_room_wanted(set);
	int err = 0;

	row_room_note_gone(set, now(collector));
	if (wanted)
		err = drop_rows(collector, wanted);
	collector->room.max_rows = set->max_rows;
	collector->room.n_refused = set->n_refused;
	if (set->n_refused)
		memcpy(collector->room.refused, set->refused[0].name,
		       sizeof(collector->room.refused));
	return err;
}

const struct collector_room *collector_room(const struct collector *collector)
{
	return &collector->room;
}

static int refresh_instances(struct collector *collector)
{
	struct instance_set *set = &collector->inventory.set;
	int rows;
	int err;

	for (size_t i = 1; i < set->n; i++)
		refresh_rules(collector, &set->instances[i]);
	err = inventory_refresh(&collector->inventory, collector->options.sysfs_root,
				&collector->addrs, now(collector));
	rows = begin_rows(collector);
	if (!err && !rows)
		rows = make_room(collector);
	for (size_t i = 1; i < set->n; i++)
		refresh_if_index(collector, &set->instances[i]);
	return err ? err : rows;
}

/* Errors that only the namespace counts. */

static uint64_t integrity_failures(const struct collector *collector)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < collector->n_rows; i++)
		sum += ledger_row(collector->ledger, (unsigned)i)
			   ->stats.packets_not_authenticated;
	return sum;
}

static void count_errors(struct collector *collector)
{
	const struct instance_set *set = &collector->inventory.set;
	const struct error_owners owners = error_owners_find(set);
	const struct error_counts fresh = error_columns_update(
	    &collector->errors, &collector->xfrm.totals, integrity_failures(collector));

	for (size_t i = 0; i < collector->n_rows; i++) {
		struct row *row = &collector->rows[i];
		bool jumps = error_columns_add(&collector->errors, &owners, set, i,
					       &fresh, &row->errors);

		if (jumps || collector->xfrm_reset)
			row->discontinuity = now(collector);
	}
	collector->xfrm_reset = false;
}

/* Polls. */

/* A kernel may lack these counters, and a later one may write them in another way: the
 * SAs are counted all the same, and what was read last stands. */
static void read_counters(struct collector *collector)
{
	struct xfrm_stat fresh = {.n = 0};
	struct xfrm_stat_status *status = &collector->xfrm_status;
	int err = collector->ops->read_xfrm_stat(collector->kernel, &fresh);

	if (!err)
		collector->xfrm_reset |= xfrm_totals_follow(&collector->xfrm, &fresh);
	if (!err && !error_columns_have_source(&fresh))
		err = -EBADMSG;
	*status = (struct xfrm_stat_status){.err = err, .n_skipped = fresh.n_skipped};
	collector->health.xfrm_stat_missing = err != 0;
	if (err && err != -ENOENT)
		snprintf(collector->health.last_error,
			 sizeof(collector->health.last_error), "reading xfrm_stat: %s",
			 strerror(-err));
}

static int dump_one(void *ctx, const struct nlmsghdr *nlh)
{
	struct collector *collector = ctx;
	struct sa_event event;
	int err = sa_event_parse(nlh, &event);

	if (!err && event.type == SA_EVENT_NEW)
		err = ledger_dump_sa(collector->ledger, &event.sa);
	return err;
}

/* Likewise: some times until one is whole. */
static int read_sad(struct collector *collector)
{
	int err;

	for (int i = 1;; i++) {
		ledger_dump_begin(collector->ledger);
		err = collector->ops->dump(collector->kernel, KERNEL_DUMP_SAD, dump_one,
					   collector);
		if (err)
			ledger_dump_abort(collector->ledger);
		if (!is_worth_repeating(err) || i == MAX_ATTEMPTS)
			return err;
	}
}

static int dump_sad(struct collector *collector)
{
	int err;

	tell_time(collector);
	err = read_sad(collector);
	if (err)
		return err;
	drain(collector);
	/* The dump has asked for directions again. */
	if (collector->undecided && !lacks_sources(collector)) {
		collector->undecided = false;
		collector->reattribute = true;
	}
	/* an SA that has come meanwhile may be of a policy that has */
	refresh_claims(collector);
	return ledger_dump_end(collector->ledger);
}

/* Rows where an SA went without final counters, and all rows after events were lost:
 * something may be missing there. */
static void note_discontinuities(struct collector *collector, bool everywhere)
{
	uint64_t time = now(collector);

	for (size_t i = 0; i < collector->n_rows; i++) {
		uint64_t losses = ledger_row(collector->ledger, (unsigned)i)->losses;

		if (everywhere || losses != collector->rows[i].losses)
			collector->rows[i].discontinuity = time;
		collector->rows[i].losses = losses;
	}
}

static int poll_steps(struct collector *collector)
{
	bool resync;
	int err;

	local_routes_begin(&collector->routes, now(collector));
	note_source(collector, SOURCE_LOCAL_ROUTES, 0);
	collector->policies_compared = 0;
	refresh_addrs(collector);
	drain(collector);
	note_source(collector, SOURCE_INSTANCES, refresh_instances(collector));
	refresh_claims_and_guess(collector);
	read_counters(collector);
	resync = collector->lost_events;
	collector->lost_events = false;
	err = dump_sad(collector);
	if (err) {
		collector->lost_events |= resync;
		return err;
	}
	count_errors(collector);
	note_discontinuities(collector, resync || collector->lost_events);
	collector->health.resyncs += resync;
	return 0;
}

int collector_poll(struct collector *collector)
{
	struct health *health = &collector->health;
	uint64_t start = now(collector);
	int err = poll_steps(collector);
	uint64_t end = now(collector);

	refresh_presence(collector);
	collector->guessing = false;
	count_foreign(collector);
	note_source(collector, SOURCE_SAS, err);
	if (err) {
		health->failed_polls++;
	} else {
		struct ledger_counts counts = ledger_counts(collector->ledger);

		health->last_poll = end;
		health->last_poll_duration = end - start;
		health->tracked_sas = counts.keyed + counts.larval + counts.other;
	}
	collector->stale = health->last_poll == 0 ||
			   end - health->last_poll > collector->options.stale_after;
	return err;
}

/* Coming and going. */

static int count_record(void *ctx, const struct ledger_record *record)
{
	(void)record;
	++*(uint64_t *)ctx;
	return 0;
}

static void forget_records(struct collector *collector)
{
	free(collector->kept);
	collector->kept = NULL;
	collector->n_kept = 0;
}

static int keep_record(void *ctx, const struct ledger_record *record)
{
	struct collector *collector = ctx;

	if (!record->leaving) /* the end of one that leaves is counted for good */
		collector->kept[collector->n_kept++] = *record;
	return 0;
}

/* All or none: half of them would be taken for all. */
static void keep_records(struct collector *collector)
{
	uint64_t n = 0;

	forget_records(collector);
	ledger_save(collector->ledger, count_record, &n);
	collector->kept = malloc((n ? n : 1) * sizeof(*collector->kept));
	if (collector->kept)
		ledger_save(collector->ledger, keep_record, collector);
}

void collector_detach(struct collector *collector)
{
	struct instance_set *set = &collector->inventory.set;

	if (!collector->kernel)
		return;
	collector->detached_at = now(collector);
	keep_records(collector);
	ledger_end(collector->ledger);
	note_discontinuities(collector, false);
	collector->kernel = NULL;
	collector->lost_events = false;
	collector->health.tracked_sas = 0;
	collector->health.last_poll_duration = 0;
	collector->health.xfrm_stat_missing = false;
	for (size_t i = 0; i < set->n; i++) {
		set->instances[i].active = false;
		set->instances[i].if_index = 0;
		set->instances[i].sessions = 0;
	}
}

/* All of them, or none, with the totals as they were. */
static int readmit_records(struct collector *collector)
{
	struct ledger_row *before = malloc(collector->n_rows * sizeof(*before));
	int err = 0;

	if (!before)
		return -ENOMEM;
	for (size_t i = 0; i < collector->n_rows; i++)
		before[i] = *ledger_row(collector->ledger, (unsigned)i);
	for (size_t i = 0; i < collector->n_kept && !err; i++)
		err = ledger_readmit_sa(collector->ledger, &collector->kept[i]);
	if (err)
		ledger_end(collector->ledger);
	for (size_t i = 0; err && i < collector->n_rows; i++)
		ledger_restore_row(collector->ledger, (unsigned)i, &before[i]);
	free(before);
	return err;
}

int collector_attach(struct collector *collector, void *kernel, bool same)
{
	int err = same ? readmit_records(collector) : 0;

	if (err)
		return err;
	forget_records(collector);
	collector->kernel = kernel;
	collector->n_foreign = 0;
	collector->faults = (struct faults){0};
	if (!same) {
		local_addrs_clear(&collector->addrs);
		collector->addrs_known = false;
		collector->n_policies = 0;
	}
	collector->addrs_stale = true;
	collector->policies_stale = true;
	collector->policies_wanted = true;
	if (same) {
		note_loss(collector);
		return 0;
	}
	collector->xfrm.totals.n = 0;
	error_columns_begin(&collector->errors, integrity_failures(collector));
	return 0;
}

static bool is_used(const struct collector *collector, size_t number)
{
	return collector->inventory.set.instances[number].name[0] != '\0';
}

static bool row_has_counted(const struct collector *collector, size_t number)
{
	const struct ledger_row *totals =
	    ledger_row(collector->ledger, (unsigned)number);

	for (size_t i = 0; i < STAT_COUNT; i++)
		if (stat_columns[i].kind != STAT_LEVEL &&
		    stats_get(&totals->stats, &stat_columns[i]))
			return true;
	return totals->replay_failures || collector->rows[number].errors.bad_spi ||
	       collector->rows[number].errors.not_decrypted;
}

bool collector_has_counted(const struct collector *collector)
{
	for (size_t i = 0; i < collector->n_rows; i++)
		if (is_used(collector, i) && row_has_counted(collector, i))
			return true;
	return false;
}

uint64_t collector_last_poll(const struct collector *collector)
{
	return collector->health.last_poll;
}

uint64_t collector_last_duration(const struct collector *collector)
{
	return collector->health.last_poll_duration;
}

const struct faults *collector_faults(const struct collector *collector)
{
	return &collector->faults;
}

const struct health *collector_health(const struct collector *collector)
{
	return &collector->health;
}

struct xfrm_stat_status collector_xfrm_stat_status(const struct collector *collector)
{
	return collector->xfrm_status;
}

/* A row that has another name has another's counters under that name. */
static void note_renames(struct collector *collector)
{
	struct instance_set *set = &collector->inventory.set;

	for (size_t i = 0; i < collector->n_rows; i++) {
		if (set->instances[i].renamed)
			collector->rows[i].discontinuity = now(collector);
		set->instances[i].renamed = false;
	}
}

int collector_reconfigure(struct collector *collector,
			  const struct instance_set *instances, uint64_t stale_after)
{
	const struct instance_set *set = &collector->inventory.set;
	int err = reserve_rows(collector, instance_set_merged_size(set, instances));

	if (!err)
		err = inventory_configure(&collector->inventory, instances);
	if (err)
		return err;
	collector->options.stale_after = stale_after;
	collector->reattribute = true;
	err = begin_rows(collector);
	if (err)
		return err;
	note_renames(collector);
	make_room(collector); /* or at the next poll */
	return 0;
}

/* Rows. */

static void name_row(char *to, size_t size, const char *netns, const char *name)
{
	char whole[NETNS_NAME_MAX + 1 + INSTANCE_NAME_MAX + 1];

	if (!*netns) {
		snprintf(to, size, "%s", name); /* has been made to fit */
		return;
	}
	snprintf(whole, sizeof(whole), "%s/%s", netns, name);
	instance_name_fit(to, size, whole);
}

static struct snapshot_row make_row(const struct collector *collector, size_t number,
				    const struct error_owners *owners)
{
	const struct instance *instance = &collector->inventory.set.instances[number];
	const struct ledger_row *totals =
	    ledger_row(collector->ledger, (unsigned)number);
	struct snapshot_row row = {
	    .active = instance->active && !collector->stale,
	    .if_index = instance->if_index,
	    .sessions = instance->sessions,
	    .error_scope = error_scope_of(owners, instance),
	    .replay_failures = totals->replay_failures,
	    .discontinuity = collector->rows[number].discontinuity,
	    .stats = totals->stats,
	};

	name_row(row.name, sizeof(row.name), collector->options.netns, instance->name);
	instance_name_fit(row.netns, sizeof(row.netns), collector->options.netns);
	snprintf(row.descr, sizeof(row.descr), "%s", instance_descr(instance));
	memcpy(row.transport, instance->transport, sizeof(row.transport));
	memcpy(row.initiator_name, instance->initiator_name,
	       sizeof(row.initiator_name));
	row.stats.bad_spi_packets = collector->rows[number].errors.bad_spi;
	row.stats.packets_not_decrypted = collector->rows[number].errors.not_decrypted;
	return row;
}

static void add_health(struct health *to, const struct health *from)
{
	to->last_poll_duration += from->last_poll_duration;
	to->tracked_sas += from->tracked_sas;
	to->events += from->events;
	to->event_losses += from->event_losses;
	to->resyncs += from->resyncs;
	to->failed_polls += from->failed_polls;
	to->foreign += from->foreign;
	to->xfrm_stat_missing |= from->xfrm_stat_missing;
	if (from->last_error[0])
		memcpy(to->last_error, from->last_error, sizeof(to->last_error));
}

int collector_snapshot(const struct collector *collector, struct snapshot *snapshot)
{
	const struct error_owners owners = error_owners_find(&collector->inventory.set);
	bool first = snapshot->n_rows == 0;
	struct health *health = &snapshot->health;
	char netns[SNAPSHOT_NETNS_MAX + 1];

	for (size_t i = 0; i < collector->n_rows; i++) {
		struct snapshot_row row;
		int err;

		if (!is_used(collector, i))
			continue;
		row = make_row(collector, i, &owners);
		err = snapshot_add_row(snapshot, &row);

		if (err)
			return err;
	}
	add_health(health, &collector->health);
	if (!collector->kernel)
		return 0;
	/* the oldest of those that are polled */
	if (first || health->last_poll > collector->health.last_poll)
		health->last_poll = collector->health.last_poll;
	instance_name_fit(netns, sizeof(netns), collector->options.netns);
	return snapshot_add_xfrm(snapshot, netns, &collector->xfrm.totals);
}

/* State. */

struct saved_head {
	uint64_t n_rows;
	uint64_t n_sas;
	struct error_columns errors;
};

/* A counter of xfrm_stat. */
struct saved_counter {
	struct xfrm_counter total;
	uint64_t last;
};

struct saved_row {
	char name[INSTANCE_NAME_MAX + 1];
	char found[INSTANCE_NAME_MAX + 1];
	char found_descr[INSTANCE_TEXT_MAX + 1];
	char transport[33];
	char initiator_name[224];
	uint64_t gone_at;
	struct ledger_row totals;
	struct row row;
};

static int write_all(FILE *stream, const void *data, size_t size)
{
	return fwrite(data, size, 1, stream) == 1 ? 0 : -EIO;
}

static int read_all(FILE *stream, void *data, size_t size)
{
	return fread(data, size, 1, stream) == 1 ? 0 : -EBADMSG;
}

#define COPY_TEXT(to, from) memcpy(to, from, strlen(from))

static int save_record(void *ctx, const struct ledger_record *record)
{
	return write_all(ctx, record, sizeof(*record));
}

static int save_counters(const struct xfrm_totals *xfrm, FILE *stream)
{
	uint64_t n = xfrm->totals.n;
	int err = write_all(stream, &n, sizeof(n));

	for (size_t i = 0; i < n && !err; i++) {
		struct saved_counter saved = {xfrm->totals.counters[i], xfrm->last[i]};

		err = write_all(stream, &saved, sizeof(saved));
	}
	return err;
}

/* A text without what a longer one has left behind its end. */
static void fill_saved_row(const struct collector *collector, size_t number,
			   struct saved_row *saved)
{
	const struct instance *instance = &collector->inventory.set.instances[number];

	COPY_TEXT(saved->name, instance->name);
	COPY_TEXT(saved->found, instance->found);
	COPY_TEXT(saved->found_descr, instance->found_descr);
	COPY_TEXT(saved->transport, instance->transport);
	COPY_TEXT(saved->initiator_name, instance->initiator_name);
	saved->gone_at = instance->gone_at;
	saved->totals = *ledger_row(collector->ledger, (unsigned)number);
	saved->row = collector->rows[number];
}

int collector_save(const struct collector *collector, FILE *stream)
{
	struct saved_head head = {
	    .n_rows = collector->n_rows,
	    .errors = collector->errors,
	};
	int err;

	ledger_save(collector->ledger, count_record, &head.n_sas);
	err = write_all(stream, &head, sizeof(head));
	for (size_t i = 0; i < collector->n_rows && !err; i++) {
		struct saved_row saved;

		memset(&saved, 0, sizeof(saved)); /* the padding goes to disk too */
		if (is_used(collector, i))
			fill_saved_row(collector, i, &saved);
		err = write_all(stream, &saved, sizeof(saved));
	}
	if (!err)
		err = ledger_save(collector->ledger, save_record, stream);
	return err ? err : save_counters(&collector->xfrm, stream);
}

/* As it was saved: clean, with zeros from its end on. */
static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size)
		return false;
	for (size_t i = len; i < size; i++)
		if (text[i])
			return false;
	return text_is_clean(text);
}

/* An HBA's own name, which no other row has. */
static bool is_own_found(const struct instance_set *set, const char *found)
{
	if (!instance_name_is_valid(found) || !strcmp(found, INSTANCE_UNATTRIBUTED))
		return false;
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->instances[i].found, found))
			return false;
	return true;
}

/* Only what a collector saves: else what is saved next could not be loaded. */
static bool row_is_sane(const struct collector *collector,
			const struct saved_row *saved, bool first)
{
	return is_text(saved->name, sizeof(saved->name)) &&
	       is_text(saved->found, sizeof(saved->found)) &&
	       is_text(saved->found_descr, sizeof(saved->found_descr)) &&
	       is_text(saved->transport, sizeof(saved->transport)) &&
	       is_text(saved->initiator_name, sizeof(saved->initiator_name)) &&
	       instance_name_is_valid(saved->name) &&
	       first == !strcmp(saved->name, INSTANCE_UNATTRIBUTED) &&
	       (!saved->found[0] ||
		(!first && is_own_found(&collector->inventory.set, saved->found))) &&
	       saved->totals.stats.key_deletions <= saved->totals.stats.key_additions &&
	       saved->row.losses <= saved->totals.losses &&
	       saved->gone_at <= now(collector) &&
	       saved->row.discontinuity <= now(collector);
}

/* What is known of an HBA that may not be there any more. */
static void load_identity(struct instance *instance, const struct saved_row *saved)
{
	if (!instance->found[0])
		memcpy(instance->found, saved->found, sizeof(saved->found));
	memcpy(instance->found_descr, saved->found_descr, sizeof(saved->found_descr));
	instance->gone_at = saved->gone_at;
	memcpy(instance->transport, saved->transport, sizeof(saved->transport));
	memcpy(instance->initiator_name, saved->initiator_name,
	       sizeof(saved->initiator_name));
}

#define NO_ROW UINT_MAX

/* A number that nobody had. */
static bool is_blank(const struct saved_row *saved)
{
	struct saved_row blank;

	memset(&blank, 0, sizeof(blank));
	return !memcmp(saved, &blank, sizeof(blank));
}

/* *ret_number: the row's in this collector, or NO_ROW. Returns 0 or -errno. */
static int load_row(struct collector *collector, FILE *stream, bool first,
		    unsigned *ret_number)
{
	struct saved_row saved;
	int number;
	int err = read_all(stream, &saved, sizeof(saved));

	*ret_number = NO_ROW;
	if (err || (!first && is_blank(&saved)))
		return err;
	if (!row_is_sane(collector, &saved, first))
		return -EBADMSG;
	number = instance_set_add(&collector->inventory.set, saved.name);
	if (number < 0)
		return number == -EINVAL ? -EBADMSG : number;
	err = begin_rows(collector);
	if (!err)
		err = ledger_restore_row(collector->ledger, (unsigned)number,
					 &saved.totals);
	if (err)
		return err;
	load_identity(&collector->inventory.set.instances[number], &saved);
	collector->rows[number] = saved.row;
	*ret_number = (unsigned)number;
	return 0;
}

static int load_sas(struct collector *collector, FILE *stream, uint64_t n,
		    const unsigned *numbers, size_t n_numbers)
{
	for (uint64_t i = 0; i < n; i++) {
		struct ledger_record record;
		int err = read_all(stream, &record, sizeof(record));

		if (err)
			return err;
		if (record.row >= n_numbers || numbers[record.row] == NO_ROW)
			return -EBADMSG;
		record.row = (uint16_t)numbers[record.row];
		err = ledger_restore_sa(collector->ledger, &record);
		if (err)
			return err == -EINVAL ? -EBADMSG : err;
	}
	return 0;
}

static bool is_listed(const unsigned *numbers, size_t n, unsigned number)
{
	for (size_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* numbers: where each of the saved rows is in this collector. */
static int load_rows(struct collector *collector, FILE *stream, unsigned *numbers,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = load_row(collector, stream, i == 0, &numbers[i]);

		if (err)
			return err;
		if (numbers[i] != NO_ROW && is_listed(numbers, i, numbers[i]))
			return -EBADMSG;
	}
	return 0;
}

static bool head_is_sane(const struct saved_head *head)
{
	return head->n_rows > 0 && head->n_rows <= LEDGER_MAX_ROWS &&
	       head->errors.base.bad_spi <= head->errors.counts.bad_spi &&
	       head->errors.base.not_decrypted <= head->errors.counts.not_decrypted;
}

static int load_counters(struct xfrm_totals *xfrm, FILE *stream)
{
	struct xfrm_stat *totals = &xfrm->totals;
	uint64_t n;
	int err = read_all(stream, &n, sizeof(n));

	if (!err && n > XFRM_STAT_MAX)
		err = -EBADMSG;
	for (totals->n = 0; !err && totals->n < n; totals->n++) {
		struct saved_counter saved;

		err = read_all(stream, &saved, sizeof(saved));
		if (!err && (!xfrm_counter_is_valid(&saved.total) ||
			     xfrm_stat_find(totals, saved.total.name)))
			err = -EBADMSG;
		if (err)
			break;
		totals->counters[totals->n] = saved.total;
		xfrm->last[totals->n] = saved.last;
	}
	return err;
}

int collector_load(struct collector *collector, FILE *stream)
{
	struct saved_head head;
	unsigned *numbers;
	int err = read_all(stream, &head, sizeof(head));

	if (err)
		return err;
	if (!head_is_sane(&head))
		return -EBADMSG;
	numbers = calloc(head.n_rows, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	err = load_rows(collector, stream, numbers, head.n_rows);
	if (!err)
		err = load_sas(collector, stream, head.n_sas, numbers, head.n_rows);
	free(numbers);
	if (!err)
		err = load_counters(&collector->xfrm, stream);
	if (err)
		return err;
	err = instance_set_apply_renames(&collector->inventory.set);
	if (err)
		return err;
	note_renames(collector);
	collector->errors = head.errors;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The direction and the row of each SA. Declared in surroundings.h. */
#include "collector/surroundings.h"

#include "kernel/sa.h"
#include "util/log.h"

enum {
	/* Comparisons of a policy with an SA of unknown direction, for each poll: they
	 * take about 20 ms. */
	POLICY_BUDGET = 4 * 1000 * 1000,
};

/* How many policies may be compared with one more SA: all, or 0 once the budget is used
 * up. An SA that has carried packets hardly needs them. */
static size_t take_policies(struct surroundings *around)
{
	if (around->n_compared >= POLICY_BUDGET)
		return 0;
	around->n_compared += around->n_policies;
	return around->n_policies;
}

/* True if what shows an SA's direction could not be read. It will be read again. */
static bool lacks_sources(const struct surroundings *around)
{
	return !around->addrs_known || around->faults->errors[SOURCE_POLICIES];
}

/* True if the claims were made from the present policies and connections. Only then no
 * policy selects what none claims. */
static bool claims_are_current(const struct surroundings *around)
{
	return !around->policies_stale && !around->inventory->flows_changed;
}

static const char *const direction_names[] = {
    [SA_DIR_UNKNOWN] = "of unknown direction",
    [SA_DIR_IN] = "inbound",
    [SA_DIR_OUT] = "outbound",
};

static enum sa_direction find_direction(struct surroundings *around,
					const struct sa *sa,
					enum direction_reason *ret_reason)
{
	struct sa_ends ends = attribute_ends(sa, &around->addrs, &around->routes);
	bool needs_policies = attribute_needs_policies(sa, &ends);

	*ret_reason = DIRECTION_BY_NOTHING;
	/* not read here, within a dump: the ledger asks again at the next dump */
	around->policies_wanted |= needs_policies;
	if (needs_policies && around->policies_stale)
		return SA_DIR_UNKNOWN;
	return attribute_direction(sa, &ends, around->policies,
				   needs_policies ? take_policies(around) : 0,
				   ret_reason);
}

static unsigned find_row(const struct surroundings *around, const struct sa *sa,
			 enum sa_direction direction, enum row_reason *ret_reason)
{
	return inventory_row(around->inventory, &around->addrs, around->policies,
			     around->n_policies, sa, direction, ret_reason);
}

static enum sa_direction ask_direction(void *ctx, const struct sa *sa)
{
	struct surroundings *around = ctx;
	char text[SA_TEXT_SIZE];
	enum direction_reason reason;
	enum sa_direction direction = find_direction(around, sa, &reason);

	if (direction == SA_DIR_UNKNOWN && lacks_sources(around))
		around->undecided = true;
	log_debug(LOG_TOPIC_DIRECTION, "%s: %s, by %s",
		  sa_describe(sa, text, sizeof(text)), direction_names[direction],
		  direction_reason_texts[reason]);
	return direction;
}

/* True if the row may change once more is known, so that the ledger asks again. */
static bool is_early(struct surroundings *around, enum sa_direction direction,
		     enum row_reason reason)
{
	if (direction == SA_DIR_UNKNOWN && around->undecided)
		return true;
	if (reason != ROW_BY_CONNECTION ||
	    (around->guessing && claims_are_current(around)))
		return false;
	if (!around->guess_at)
		around->guess_at = surroundings_now(around) + LEDGER_MOVE_NS;
	return true;
}

static unsigned ask_row(void *ctx, const struct sa *sa, enum sa_direction direction)
{
	struct surroundings *around = ctx;
	char text[SA_TEXT_SIZE];
	enum row_reason reason;
	unsigned row = find_row(around, sa, direction, &reason);
	bool early = is_early(around, direction, reason);

	log_debug(LOG_TOPIC_ATTRIBUTION, "%s, %s: row \"%s\"%s: %s",
		  sa_describe(sa, text, sizeof(text)), direction_names[direction],
		  around->inventory->set.instances[row].name,
		  early ? ", once its direction and policies are known" : "",
		  row_reason_texts[reason]);
	/* a new instance has no row yet if there was no memory */
	return !early && row < around->rows->n ? row : 0;
}

struct attribution attribution_explain(struct surroundings *around, const struct sa *sa,
				       enum sa_direction direction)
{
	struct attribution ret;

	ret.direction = find_direction(around, sa, &ret.direction_reason);
	ret.row = find_row(around, sa, direction, &ret.row_reason);
	return ret;
}

struct ledger_env attribution_env(struct surroundings *around)
{
	return (struct ledger_env){around, ask_direction, ask_row};
}

/* Policies are read if one has changed, and if a connection or an SA between two local
 * addresses needs them. If policies, interfaces or routes cannot be read, the claims
 * stay as they are, and the next poll tries again. */
static void make_claims(struct surroundings *around)
{
	struct inventory *inventory = around->inventory;
	bool wanted = around->policies_wanted;
	int err = 0;

	if (around->policies_stale && (wanted || inventory_wants_policies(inventory))) {
		err = surroundings_read_policies(around);
		/* noted here in case a step below fails */
		inventory->flows_changed |= !err;
		/* the ledger has asked for a direction in vain */
		around->reattribute |= !err && wanted;
	}
	if (err || !inventory->flows_changed || surroundings_find_paths(around) < 0)
		return;
	err = inventory_claim(inventory, around->policies, around->n_policies,
			      &around->reattribute);
	if (err)
		faults_note(around->faults, SOURCE_INSTANCES, err);
}

static void refresh(struct surroundings *around)
{
	make_claims(around);
	if (!around->reattribute && !around->guessing)
		return;
	ledger_reattribute(around->rows->ledger);
	around->reattribute = false;
}

void attribution_begin(struct surroundings *around, bool first)
{
	uint64_t now = surroundings_now(around);

	around->guessing = first || (around->guess_at && now >= around->guess_at);
	refresh(around);
	if (around->guessing && claims_are_current(around))
		around->guess_at = 0;
	around->guessing = first;
}

void attribution_settle(struct surroundings *around)
{
	/* the dump has asked for directions again */
	if (around->undecided && !lacks_sources(around)) {
		around->undecided = false;
		around->reattribute = true;
	}
	refresh(around);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/collector.h"

#include <errno.h>
#include <string.h>

#include "fake_kernel.h"
#include "runner.h"
#include "tree.h"

/*
 * Each kernel operation and each pair of them fails with each errno that it can return,
 * once or always, from the start or later. The SAs count correctly anyway.
 */

#define SECOND UINT64_C(1000000000)

enum op { SAD, SPD, ADDRS, LINKS, EVENTS, ROUTE, ROUTE_TYPE, XFRM_STAT, N_OPS };

static const char *const names[] = {
    [SAD] = "the kernel's SAs",       [SPD] = "the policies",
    [ADDRS] = "the addresses",        [LINKS] = "the interfaces",
    [ROUTE] = "the routes",           [XFRM_STAT] = "xfrm_stat",
    [EVENTS] = "the kernel's events", [ROUTE_TYPE] = "the local routes",
};

static const int errors[] = {EPERM, EINTR, ENOMEM, ENOBUFS, EMFILE, EBADMSG, ETIMEDOUT};

static struct fake_kernel kernel;
static struct collector *collector;
static struct tree tree;

/* How often each will still fail, and has failed. */
static struct {
	unsigned left[N_OPS];
	unsigned failed[N_OPS];
	int error;
} faults;

static bool fails(enum op op)
{
	if (!faults.left[op])
		return false;
	faults.left[op]--;
	faults.failed[op]++;
	return true;
}

/* In the middle, after one message. */
struct cut {
	kernel_message_cb cb;
	void *ctx;
	unsigned n;
};

static int cut_short(void *ctx, const struct nlmsghdr *nlh)
{
	struct cut *cut = ctx;
	int err = cut->n++ ? -faults.error : cut->cb(cut->ctx, nlh);

	return err;
}

static int dump(void *ctx, enum kernel_dump what, kernel_message_cb cb, void *cb_ctx)
{
	static const enum op ops[] = {[KERNEL_DUMP_SAD] = SAD,
				      [KERNEL_DUMP_SPD] = SPD,
				      [KERNEL_DUMP_ADDRS] = ADDRS,
				      [KERNEL_DUMP_LINKS] = LINKS};
	struct cut cut = {cb, cb_ctx, 0};

	if (!fails(ops[what]))
		return fake_kernel_ops.dump(ctx, what, cb, cb_ctx);
	fake_kernel_ops.dump(ctx, what, cut_short, &cut);
	return -faults.error;
}

static int read_events(void *ctx, kernel_message_cb cb, void *cb_ctx)
{
	return fails(EVENTS) ? -faults.error
			     : fake_kernel_ops.read_events(ctx, cb, cb_ctx);
}

static int route(void *ctx, uint16_t family, const struct in6_addr *local,
		 const struct in6_addr *remote, uint32_t bound, uint32_t *ret_if_index)
{
	return fails(ROUTE) ? -faults.error
			    : fake_kernel_ops.route(ctx, family, local, remote, bound,
						    ret_if_index);
}

static int route_type(void *ctx, uint16_t family, const struct in6_addr *addr,
		      uint32_t mark, uint8_t *ret_type)
{
	return fails(ROUTE_TYPE)
		   ? -faults.error
		   : fake_kernel_ops.route_type(ctx, family, addr, mark, ret_type);
}

static int read_xfrm_stat(void *ctx, struct xfrm_stat *ret)
{
	return fails(XFRM_STAT) ? -faults.error
				: fake_kernel_ops.read_xfrm_stat(ctx, ret);
}

/* The scene: an HBA with policies that depend on the interface, and an SA in each
 * direction; and an SA between two local addresses, with a direction that a policy
 * shows. */

static const struct sa_values plain_sa = {
    .proto = IPPROTO_ESP,
    .mode = XFRM_MODE_TUNNEL,
    .algs = MESSAGE_AEAD,
    .add_time = 1700000000,
    .packets = 1,
};

static void add_sa(const char *saddr, const char *daddr, uint32_t id, uint64_t bytes)
{
	struct sa_values sa = plain_sa;

	sa.saddr = saddr;
	sa.daddr = daddr;
	sa.spi = sa.reqid = id;
	sa.bytes = bytes;
	sa.has_if_id = id < 3;
	sa.if_id = id < 3 ? 9 : 0;
	fake_kernel_sa(&kernel, &sa);
}

static void sad_has(uint64_t bytes)
{
	fake_kernel_clear(&kernel.dumps[KERNEL_DUMP_SAD]);
	add_sa("10.0.0.1", "192.0.2.1", 1, bytes);
	add_sa("192.0.2.1", "10.0.0.1", 2, bytes);
	add_sa("10.0.0.1", "10.0.1.1", 3, bytes);
}

static struct policy_values policy_for(const char *saddr, const char *daddr,
				       uint8_t dir, uint32_t id)
{
	return (struct policy_values){
	    .saddr = saddr,
	    .daddr = daddr,
	    .saddr_prefix = 32,
	    .daddr_prefix = 32,
	    .dir = dir,
	    .has_if_id = id < 3,
	    .if_id = id < 3 ? 9 : 0,
	    .n_templates = 1,
	    .templates = {{.saddr = saddr,
			   .daddr = daddr,
			   .family = AF_INET,
			   .proto = IPPROTO_ESP,
			   .mode = XFRM_MODE_TUNNEL,
			   .reqid = id}},
	};
}

static void add_policy(const char *saddr, const char *daddr, uint8_t dir, uint32_t id)
{
	struct policy_values policy = policy_for(saddr, daddr, dir, id);

	fake_kernel_policy(&kernel, &policy);
	fake_kernel_event(&kernel, message_newpolicy(&policy));
}

static void add_policies(void)
{
	add_policy("10.0.0.1", "192.0.2.1", XFRM_POLICY_OUT, 1);
	add_policy("192.0.2.1", "10.0.0.1", XFRM_POLICY_IN, 2);
	add_policy("10.0.0.1", "10.0.1.1", XFRM_POLICY_OUT, 3);
}

static void begin_with(const char *const *lines)
{
	static struct kernel_ops ops;
	const struct collector_options options = {.netns = "",
						  .sysfs_root = tree.root,
						  .stale_after = 60 * SECOND,
						  .peers = &peer_config_default};
	struct instance_set set;

	ops = fake_kernel_ops;
	ops.dump = dump;
	ops.read_events = read_events;
	ops.route = route;
	ops.route_type = route_type;
	ops.read_xfrm_stat = read_xfrm_stat;
	kernel = (struct fake_kernel){.now = 1000 * SECOND,
				      .xfrm_stat = "XfrmInNoStates\t0\n"
						   "XfrmInStateProtoError\t0\n",
				      .route = 4};
	memset(&faults, 0, sizeof(faults));
	fake_kernel_addr(&kernel, "127.0.0.1", 1);
	fake_kernel_addr(&kernel, "10.0.1.1", 3);
	fake_kernel_addr(&kernel, "10.0.0.1", 2);
	fake_kernel_link(&kernel, 4, 9);
	ck_assert_int_eq(instance_set_init(&set), 0);
	for (; *lines; lines++) {
		char error[200];

		ck_assert_int_eq(
		    instance_set_add_line(&set, *lines, error, sizeof(error)), 0);
	}
	collector = collector_new(&ops, &kernel, &options, &set);
	ck_assert_ptr_nonnull(collector);
	instance_set_free(&set);
}

static void begin(void)
{
	begin_with((const char *const[]){NULL});
}

static void end(void)
{
	collector_free(collector);
	fake_kernel_free(&kernel);
}

/* The sums over all rows, and the row of the HBA. */
static struct {
	uint64_t active, sent, received, losses;
	uint64_t hba_active, hba_sent, hba_received;
	char last_error[INSTANCE_TEXT_MAX + 1];
} seen;

static void look(void)
{
	struct snapshot snapshot = {0};

	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	for (size_t i = 0; i < snapshot.n_rows; i++) {
		const struct stats *stats = &snapshot.rows[i].stats;

		seen.active += stats->active_sa;
		seen.sent += stats->confidential_bytes_sent;
		seen.received += stats->confidential_bytes_received;
		ck_assert_uint_eq(stats->active_sa,
				  stats->key_additions - stats->key_deletions);
		if (strcmp(snapshot.rows[i].name, "tcp:default") != 0)
			continue;
		seen.hba_active = stats->active_sa;
		seen.hba_sent = stats->confidential_bytes_sent;
		seen.hba_received = stats->confidential_bytes_received;
	}
	memcpy(seen.last_error, snapshot.health.last_error, sizeof(seen.last_error));
	ck_assert_uint_eq(snapshot.health.tracked_sas, seen.active);
	snapshot_free(&snapshot);
}

static void poll_well(void)
{
	kernel.now += SECOND;
	ck_assert_int_eq(collector_poll(collector), 0);
	look();
}

/* The last error is of an operation that has failed. ENOBUFS reports dropped events,
 * and is counted, but not an error. */
static void check_named(void)
{
	bool named = false;
	bool any = false;

	for (enum op op = 0; op < N_OPS; op++) {
		if (!faults.failed[op] || (op == EVENTS && faults.error == ENOBUFS))
			continue;
		any = true;
		named |= strstr(seen.last_error, names[op]) &&
			 strstr(seen.last_error, strerror(faults.error));
	}
	ck_assert_msg(named || !any, "%s", seen.last_error);
}

static void check_no_fault(void)
{
	for (enum source source = 0; source < SOURCE_COUNT; source++)
		ck_assert_int_eq(collector_status(collector)->faults.errors[source], 0);
}

/* Changes after which every list must be read again. */
static void change(void)
{
	kernel.addrs_changed = true;
	add_policies();
}

static void set_faults(enum op first, enum op second, int error, unsigned times)
{
	faults.error = error;
	faults.left[first] = faults.left[second] = times;
}

/* One poll with faults. Returns true if it succeeded. */
static bool poll_amid(bool sad_fails)
{
	kernel.now += SECOND;
	if (collector_poll(collector) < 0) {
		ck_assert(sad_fails);
		look();
		return false;
	}
	look();
	return true;
}

static void check_one(enum op first, enum op second, int error, unsigned times,
		      bool warm)
{
	bool sad_fails = first == SAD || second == SAD;

	begin();
	if (warm) {
		change();
		poll_well();
		change();
	} else {
		add_policies();
	}
	set_faults(first, second, error, times);
	sad_has(100);
	if (poll_amid(sad_fails)) {
		ck_assert_uint_eq(seen.active, 3);
		ck_assert_uint_le(seen.sent, 200);
		ck_assert_uint_le(seen.received, 100);
	}
	if (times > 100)
		check_named();
	memset(faults.left, 0, sizeof(faults.left));
	sad_has(200);
	poll_well();
	sad_has(300);
	poll_well();
	poll_well();
	check_no_fault();
	ck_assert_uint_eq(seen.active, 3);
	ck_assert_uint_eq(seen.hba_active, 2);
	ck_assert_uint_eq(seen.sent, 600);
	ck_assert_uint_eq(seen.received, 300);
	/* bytes from before the attribution stay in their row */
	ck_assert_uint_ge(seen.hba_sent, 200);
	ck_assert_uint_ge(seen.hba_received, 200);
	/* an operation that fails once is repeated at once, unless that is useless */
	if (times == 1 && error != EPERM && error != ETIMEDOUT) {
		ck_assert_uint_eq(seen.hba_sent, 300);
		ck_assert_uint_eq(seen.hba_received, 300);
	}
	end();
}

TEST(each_and_each_pair)
{
	static const unsigned times[] = {1, 100000};

	for (enum op first = 0; first < N_OPS; first++)
		for (enum op second = first; second < N_OPS; second++)
			for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
				for (size_t j = 0; j < 4; j++)
					check_one(first, second, errors[i],
						  times[j % 2], j / 2);
}

/* The old lists are used: known SAs continue to count in their rows. */
TEST(always_after_a_good_start)
{
	for (enum op op = SPD; op < N_OPS; op++) {
		begin();
		add_policies();
		sad_has(100);
		poll_well();
		change();
		set_faults(op, op, EINTR, UINT32_MAX);
		for (unsigned i = 2; i <= 10; i++) {
			sad_has(100 * (uint64_t)i);
			poll_well();
			ck_assert_uint_eq(seen.active, 3);
			ck_assert_uint_eq(seen.hba_sent, 100 * (uint64_t)i);
			ck_assert_uint_eq(seen.hba_received, 100 * (uint64_t)i);
			ck_assert_uint_eq(seen.sent, 200 * (uint64_t)i);
		}
		end();
	}
}

/* Bytes wait until the direction is known. */
TEST(nothing_shows_a_direction)
{
	begin();
	add_policies();
	set_faults(ADDRS, ROUTE_TYPE, ENOMEM, UINT32_MAX);
	faults.left[SPD] = UINT32_MAX;
	for (unsigned i = 1; i <= 3; i++) {
		sad_has(100);
		poll_well();
		ck_assert_uint_eq(seen.active, 3);
		ck_assert_uint_eq(seen.sent + seen.received, 0);
	}
	memset(faults.left, 0, sizeof(faults.left));
	poll_well();
	ck_assert_uint_eq(seen.active, 3);
	ck_assert_uint_eq(seen.sent, 200);
	ck_assert_uint_eq(seen.received, 100);
	ck_assert_uint_eq(seen.hba_sent, 100);
	ck_assert_uint_eq(seen.hba_received, 100);
	end();
}

/* An SA without a claim is attributed by its ends, but not while policies cannot be
 * read. */
TEST(no_guess_without_policies)
{
	struct sa_values sa = plain_sa;
	struct policy_values policy =
	    policy_for("10.0.0.1", "192.0.2.1", XFRM_POLICY_OUT, 3);

	begin();
	poll_well();
	policy.proto = IPPROTO_UDP;
	policy.templates[0].mode = sa.mode = XFRM_MODE_TRANSPORT;
	fake_kernel_policy(&kernel, &policy);
	fake_kernel_event(&kernel, message_newpolicy(&policy));
	set_faults(SPD, SPD, ENOMEM, UINT32_MAX);
	sa.saddr = "10.0.0.1";
	sa.daddr = "192.0.2.1";
	sa.spi = sa.reqid = 3;
	fake_kernel_sa(&kernel, &sa);
	for (unsigned i = 0; i < 10; i++) {
		if (i == 5)
			faults.left[SPD] = 0;
		poll_well();
		ck_assert_uint_eq(seen.active, 1);
		ck_assert_uint_eq(seen.hba_active, 0);
	}
	end();
}

static uint64_t active_sas(const char *name)
{
	struct snapshot snapshot = {0};
	uint64_t active;

	ck_assert_int_eq(collector_snapshot(collector, &snapshot), 0);
	snapshot_sort(&snapshot);
	active = snapshot_find(&snapshot, name)->stats.active_sa;
	snapshot_free(&snapshot);
	return active;
}

/* A row is permanent, and only a policy shows which of two local ends counts. */
TEST(no_row_without_a_direction)
{
	begin_with((const char *const[]){"a local 10.0.0.1", "b local 10.0.1.1", NULL});
	add_policy("10.0.0.1", "10.0.1.1", XFRM_POLICY_IN, 3);
	add_sa("10.0.0.1", "10.0.1.1", 3, 100);
	set_faults(SPD, SPD, ENOMEM, UINT32_MAX);
	for (unsigned i = 0; i < 3; i++) {
		poll_well();
		ck_assert_uint_eq(active_sas(INSTANCE_UNATTRIBUTED), 1);
	}
	faults.left[SPD] = 0;
	poll_well();
	ck_assert_uint_eq(active_sas("b"), 1);
	ck_assert_uint_eq(seen.received, 100);
	ck_assert_uint_eq(seen.sent, 0);
	end();
}

static void setup(void)
{
	tree_make(&tree);
	tree_session(&tree, 3, 1, "10.0.0.1", "192.0.2.1", "iqn.2024-01.org.example:a");
	tree_text(&tree, "class/iscsi_connection/connection1:0/port", "3260\n");
}

static void teardown(void)
{
	tree_remove(&tree);
}

CHAPTER(setup, teardown);

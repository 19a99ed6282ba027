/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cost of the attribution of an SA with 200 sessions and 1,000 policies, and of a
 * poll with and without them. Run by "make bench". Exits with status 1 if the
 * attribution of a new SA takes 50 µs or more, or a poll 1.5 times as long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/tree.h"
#include "bench_collector.h"
#include "instance/inventory.h"

enum {
	SESSIONS = 200,
	RECORDS = 20,
	POLICIES = 1000,
	SAS = 10000,
	ROUNDS = 50,
};

static struct tree tree;
static struct inventory inventory;
static struct local_addrs addrs;
static struct policy policies[POLICIES];
static size_t n_policies;
static uint64_t samples[100000];

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static double median(size_t n)
{
	qsort(samples, n, sizeof(*samples), compare);
	return (double)samples[n / 2] / 1000;
}

static double p99(size_t n)
{
	return (double)samples[n * 99 / 100] / 1000;
}

/* 200 sessions of 20 records, each to its own target. */
static void make_sessions(void)
{
	for (unsigned i = 0; i < SESSIONS; i++) {
		char remote[32];
		char path[120];
		char iface[16];

		snprintf(remote, sizeof(remote), "192.0.2.%u", i + 1);
		tree_session(&tree, i, i, "10.0.0.1", remote, "iqn.2026-01.example:i");
		snprintf(path, sizeof(path),
			 "class/iscsi_connection/connection%u:0/port", i);
		tree_text(&tree, path, "3260\n");
		snprintf(path, sizeof(path),
			 "devices/platform/host%u/session%u/iscsi_session/session%u/"
			 "ifacename",
			 i, i, i);
		snprintf(iface, sizeof(iface), "path%u\n", i % RECORDS);
		tree_text(&tree, path, iface);
		snprintf(
		    path, sizeof(path),
		    "devices/platform/host%u/session%u/iscsi_session/session%u/state",
		    i, i, i);
		tree_text(&tree, path, "LOGGED_IN\n");
	}
}

/* Two policies for each target but the last; the rest are between other hosts. */
static struct policy_values policy_values(unsigned i, char *remote, size_t size)
{
	bool out = i % 2 == 0;

	snprintf(remote, size, "%s.%u",
		 i < 2 * (SESSIONS - 1) ? "192.0.2" : "198.51.100", i / 2 % 250 + 1);
	return (struct policy_values){
	    .saddr = out ? "10.0.0.1" : remote,
	    .daddr = out ? remote : "10.0.0.1",
	    .saddr_prefix = 32,
	    .daddr_prefix = 32,
	    .proto = IPPROTO_TCP,
	    .dir = out ? XFRM_POLICY_OUT : XFRM_POLICY_IN,
	    .priority = 1000,
	    .n_templates = 1,
	    .templates = {{.family = AF_INET,
			   .proto = IPPROTO_ESP,
			   .mode = XFRM_MODE_TRANSPORT,
			   .reqid = i / 2 + 1}},
	};
}

static void make_policies(struct fake_kernel *kernel)
{
	for (unsigned i = 0; i < POLICIES; i++) {
		char remote[32];
		struct policy_values values = policy_values(i, remote, sizeof(remote));
		struct nlmsghdr *nlh = message_newpolicy(&values);

		if (kernel)
			fake_kernel_policy(kernel, &values);
		else if (policy_parse(nlh, &policies[n_policies]) == 0)
			n_policies++;
		free(nlh);
	}
}

static struct sa sa_to(const char *remote, uint32_t reqid)
{
	struct sa sa = sa_of("10.0.0.1", remote, 1);

	sa.mode = XFRM_MODE_TRANSPORT;
	sa.reqid = reqid;
	return sa;
}

/* Attributes one kind of SA repeatedly. Returns the median in µs. */
static double ask(const char *what, const struct sa *sa, enum sa_direction direction,
		  bool owned)
{
	size_t n = sizeof(samples) / sizeof(*samples);
	double one;
	enum row_reason reason;

	for (size_t i = 0; i < n; i++) {
		uint64_t start = now();
		unsigned row = inventory_row(&inventory, &addrs, policies, n_policies,
					     sa, direction, &reason);

		samples[i] = now() - start;
		if ((row > 0) != owned)
			abort();
	}
	one = median(n);
	printf("  %-48s %8.2f µs, 99 %% below %.2f\n", what, one, p99(n));
	return one;
}

static double attribution(void)
{
	struct sa sa = sa_to("192.0.2.150", 150);
	double worst = ask("a session's SA, outbound", &sa, SA_DIR_OUT, true);
	double one;

	sa.saddr = addr_of("192.0.2.150");
	sa.daddr = addr_of("10.0.0.1");
	one = ask("inbound, where all have one destination", &sa, SA_DIR_IN, true);
	worst = one > worst ? one : worst;
	sa = sa_to("198.51.100.7", 300);
	one = ask("one that no session has", &sa, SA_DIR_OUT, false);
	worst = one > worst ? one : worst;
	sa = sa_to("192.0.2.200", 4000);
	one = ask("one of a session without a policy", &sa, SA_DIR_OUT, true);
	return one > worst ? one : worst;
}

static void claims(void)
{
	bool changed;

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = now();

		inventory.flows_changed = true;
		if (inventory_claim(&inventory, policies, n_policies, &changed))
			abort();
		samples[i] = now() - start;
	}
	printf("  %-48s %8.0f µs, when a policy has changed\n", "all claims anew",
	       median(ROUNDS));
}

static void sysfs(void)
{
	struct iscsi_sysfs read;
	uint64_t sum = 0;
	double cheap;
	double whole;

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = now();

		sum += iscsi_sysfs_fingerprint(tree.root);
		samples[i] = now() - start;
	}
	cheap = median(ROUNDS);
	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t start = now();

		if (iscsi_sysfs_read(tree.root, &read))
			abort();
		samples[i] = now() - start;
		iscsi_sysfs_free(&read);
	}
	whole = median(ROUNDS);
	printf("  %-48s %8.0f µs, at each poll%s\n", "sysfs: has something changed?",
	       cheap, sum ? "" : "!");
	printf("  %-48s %8.0f µs, 1 : %.0f\n", "sysfs: all of it", whole,
	       whole / cheap);
}

/* A namespace with 10,000 SAs. */
struct host {
	struct fake_kernel kernel;
	struct collector *collector;
	uint64_t least; /* ns, without the first poll, which reads everything */
};

static void open_host(struct host *host, const char *sysfs_root, bool with)
{
	struct collector_options options = {.netns = "",
					    .sysfs_root = sysfs_root,
					    .stale_after = 1,
					    .peers = &peer_config_default};

	*host = (struct host){.kernel = {.now = 1, .xfrm_stat = "XfrmInNoStates\t0\n"},
			      .least = UINT64_MAX};
	fake_kernel_addr(&host->kernel, "10.0.0.1", 1);
	if (with)
		make_policies(&host->kernel);
	for (unsigned i = 0; i < SAS; i++) {
		struct sa_values values = {
		    .saddr = "10.0.0.1",
		    .daddr = i % 2 ? "192.0.2.1" : "198.51.100.1",
		    .proto = IPPROTO_ESP,
		    .mode = XFRM_MODE_TRANSPORT,
		    .spi = i + 256,
		    .reqid = i % 2 ? 1 : 5000,
		    .algs = MESSAGE_AEAD,
		    .add_time = 1700000000,
		    .bytes = i,
		    .packets = i,
		};

		fake_kernel_sa(&host->kernel, &values);
	}
	host->collector = bench_collector(&host->kernel, &options);
}

static void poll_host(struct host *host)
{
	uint64_t start = now();
	uint64_t took;

	if (collector_poll(host->collector))
		abort();
	took = now() - start;
	if (took < host->least)
		host->least = took;
}

static void close_host(struct host *host)
{
	collector_free(host->collector);
	fake_kernel_free(&host->kernel);
}

/* By turns, so that other load of the machine affects both. The best of each counts. */
static double polls(void)
{
	struct tree empty;
	struct host without;
	struct host with;

	tree_make(&empty);
	open_host(&without, empty.root, false);
	open_host(&with, tree.root, true);
	for (size_t i = 0; i < ROUNDS; i++) {
		poll_host(&without);
		poll_host(&with);
	}
	close_host(&without);
	close_host(&with);
	tree_remove(&empty);
	printf("  %-48s %8.0f µs, without sessions and policies\n",
	       "a poll of 10,000 SAs", (double)without.least / 1000);
	printf("  %-48s %8.0f µs, 1 : %.2f\n", "and with them",
	       (double)with.least / 1000, (double)with.least / (double)without.least);
	return (double)with.least / (double)without.least;
}

static void open_inventory(void)
{
	struct instance_set set;
	bool changed;

	if (instance_set_init(&set) || inventory_init(&inventory, &set) ||
	    inventory_refresh(&inventory, tree.root, &addrs, 1) ||
	    inventory_claim(&inventory, policies, n_policies, &changed))
		abort();
	instance_set_free(&set);
}

int main(void)
{
	double worst;
	double ratio;

	tree_make(&tree);
	make_sessions();
	make_policies(NULL);
	open_inventory();
	printf("%d sessions of %d records, %zu policies; medians\n", SESSIONS, RECORDS,
	       n_policies);
	worst = attribution();
	claims();
	sysfs();
	ratio = polls();
	inventory_free(&inventory);
	tree_remove(&tree);
	return worst < 50 && ratio < 1.5 ? EXIT_SUCCESS : EXIT_FAILURE;
}

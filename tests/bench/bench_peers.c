/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cost of peers: a poll of 10,000 SAs of 1,000 peers, all with traffic, against the
 * same poll with "peers no"; and SA events of 100,000 peers, one after the other, with
 * room for 1,000. Run by "make bench". Exits with status 1 if the poll takes more than
 * 1.1 times as long, or the last events more than twice as long as the first that fold
 * a peer.
 */
#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench_collector.h"

enum {
	SAS = 10000,
	PEERS = 1000,
	ROUNDS = 1000,
	WARRIORS = 100000,
	ROOM = 1000,
	BATCH = 1000,
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Returns how long it took, too. */
static uint64_t keep_least(uint64_t *least, uint64_t start)
{
	uint64_t took = now() - start;

	if (took < *least)
		*least = took;
	return took;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

static const char *addr_text(unsigned number)
{
	static char text[INET_ADDRSTRLEN];
	struct in_addr addr = {.s_addr = htonl(0xc6120000u + number)};

	inet_ntop(AF_INET, &addr, text, sizeof(text));
	return text;
}

/* Polls. */

struct host {
	struct fake_kernel kernel;
	struct collector *collector;
	uint64_t least_poll;     /* ns */
	uint64_t least_snapshot; /* ns */
};

static void open_host(struct host *host, bool with_peers)
{
	struct peer_config peers = peer_config_default;
	const struct collector_options options = {
	    .netns = "", .stale_after = 1, .peers = &peers};

	peers.enabled = with_peers;
	*host = (struct host){.kernel = {.now = 1, .xfrm_stat = "XfrmInNoStates\t0\n"},
			      .least_poll = UINT64_MAX,
			      .least_snapshot = UINT64_MAX};
	fake_kernel_addr(&host->kernel, "10.0.0.1", 1);
	for (unsigned i = 0; i < SAS; i++) {
		struct sa_values values =
		    sa_values_of("10.0.0.1", addr_text(i % PEERS), i + 256);

		fake_kernel_sa(&host->kernel, &values);
	}
	host->collector = bench_collector(&host->kernel, &options);
}

/* Every SA carries a packet. */
static void carry(struct host *host)
{
	struct message_list *sad = &host->kernel.dumps[KERNEL_DUMP_SAD];

	for (size_t i = 0; i < sad->n; i++) {
		struct xfrm_usersa_info *info =
		    (void *)((char *)sad->messages[i] + NLMSG_HDRLEN);

		info->curlft.bytes += 100;
		info->curlft.packets++;
	}
}

/* Returns the poll's time. */
static uint64_t poll_host(struct host *host)
{
	struct snapshot snapshot = {0};
	uint64_t start, took;

	carry(host);
	host->kernel.now += 1000000000;
	start = now();
	if (collector_poll(host->collector))
		abort();
	took = keep_least(&host->least_poll, start);
	start = now();
	if (collector_snapshot(host->collector, &snapshot) || snapshot_sort(&snapshot))
		abort();
	keep_least(&host->least_snapshot, start);
	snapshot_free(&snapshot);
	return took;
}

static void close_host(struct host *host)
{
	collector_free(host->collector);
	fake_kernel_free(&host->kernel);
}

/* By turns: other load of the machine affects both. Returns the median of the ratios.
 */
static double polls(void)
{
	static double ratios[ROUNDS];
	struct host without, with;

	open_host(&without, false);
	open_host(&with, true);
	for (size_t i = 0; i < ROUNDS; i++) {
		double took = (double)poll_host(&without);

		ratios[i] = (double)poll_host(&with) / took;
	}
	close_host(&without);
	close_host(&with);
	qsort(ratios, ROUNDS, sizeof(*ratios), compare);
	printf("  %-48s %8.0f µs, the best\n", "a poll with \"peers no\"",
	       (double)without.least_poll / 1000);
	printf("  %-48s %8.0f µs, 1 : %.2f, the median ratio\n", "and with peers",
	       (double)with.least_poll / 1000, ratios[ROUNDS / 2]);
	printf("  %-48s %8.0f µs, for all 1,000 peers\n", "its snapshot",
	       (double)with.least_snapshot / 1000);
	return ratios[ROUNDS / 2];
}

/* Events. */

static enum sa_direction outbound(void *ctx, const struct sa *sa)
{
	(void)ctx, (void)sa;
	return SA_DIR_OUT;
}

static unsigned no_row(void *ctx, const struct sa *sa, enum sa_direction direction)
{
	(void)ctx, (void)sa, (void)direction;
	return 0;
}

/* One SA after the other, each of a new peer, comes and goes. Returns ns for each. */
static uint64_t batch(struct ledger *ledger, unsigned first, uint64_t clock)
{
	static struct sa_event events[BATCH];
	uint64_t start;

	for (unsigned i = 0; i < BATCH; i++)
		events[i].sa = sa_of("10.0.0.1", addr_text(first + i), first + i + 1);
	start = now();
	for (unsigned i = 0; i < BATCH; i++) {
		events[i].type = SA_EVENT_NEW;
		ledger_event(ledger, &events[i], clock);
		events[i].type = SA_EVENT_EXPIRE_HARD;
		events[i].sa.sample.packets = 1;
		ledger_event(ledger, &events[i], clock);
	}
	return (now() - start) / BATCH;
}

/* The least of some batches. */
static uint64_t least_from(const uint64_t *costs, size_t n)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < n; i++)
		least = costs[i] < least ? costs[i] : least;
	return least;
}

static double warriors(void)
{
	enum { BATCHES = WARRIORS / BATCH, SOME = 20 };
	const struct ledger_env env = {NULL, outbound, no_row};
	struct peer_config config = peer_config_default;
	struct ledger *ledger = ledger_new(&env, 1);
	static uint64_t costs[BATCHES];
	uint64_t first, last;

	if (!ledger)
		abort();
	config.max_peers = ROOM;
	ledger_configure_peers(ledger, &config);
	for (unsigned i = 0; i < BATCHES; i++) {
		uint64_t clock = (i + 1) * UINT64_C(1000000000);

		costs[i] = batch(ledger, i * BATCH, clock);
		ledger_dump_begin(ledger);
		ledger_dump_end(ledger, clock);
	}
	if (ledger_count_peers(ledger) != ROOM ||
	    ledger_row(ledger, 0)->stats.key_deletions != WARRIORS)
		abort();
	ledger_free(ledger);
	first = least_from(costs + ROOM / BATCH, SOME);
	last = least_from(costs + BATCHES - SOME, SOME);
	printf("  %-48s %8.2f µs, of peers 1,001 to 21,000\n",
	       "an SA that comes and goes", (double)first / 1000);
	printf("  %-48s %8.2f µs, of peers 80,001 to 100,000, 1 : %.2f\n", "and later",
	       (double)last / 1000, (double)last / (double)first);
	return (double)last / (double)first;
}

int main(void)
{
	double poll, growth;

	printf("%d SAs of %d peers; 100,000 peers with room for %d; processor time\n",
	       SAS, PEERS, ROOM);
	poll = polls();
	growth = warriors();
	if (poll > 1.1)
		printf("a poll with peers takes too long\n");
	if (growth > 2)
		printf("an event takes longer with every peer\n");
	return poll > 1.1 || growth > 2;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A poll of keyed SAs without a kernel: the collector reads the messages of a dump from
 * memory. tests/bench/run shows what this prints, a kind, a number and values.
 *
 *	bench_replay sas N
 *		memory: the bytes that the collector allocates per SA
 *		poll: ns of processor time per SA, and for the copy in place of recv(2)
 *	bench_replay publish
 *		publish: ns of processor time for a snapshot of so many rows
 *
 * Between two polls half of the SAs carry a packet. Peers are on, each with ten SAs.
 */
#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/fake_kernel.h"
#include "collector/collector.h"

enum {
	PIECE = 32 * 1024, /* as the daemon receives it */
	SAS_PER_PEER = 10,
	MAX_PEERS = 4000, /* below the default of maxPeers */
	MAX_ROUNDS = 300,
	WORK = 150000, /* SAs to poll for one result */
	LOCAL = 0x0a000001,
	FIRST_PEER = 0xc6120000, /* 198.18.0.0 */
	ROWS = 10000,
	SECOND = 1000000000,
};

/* A dump in memory. All messages have one length. */
struct replay {
	struct fake_kernel kernel; /* first: its functions get this struct */
	char *messages;
	size_t size; /* of a message, aligned */
	size_t n;
};

/* Each half of the SAs is of one direction. */
static struct nlmsghdr *make_message(bool outbound)
{
	struct sa_values sa = sa_values_of("10.0.0.1", "10.0.0.1", 1);
	const struct xfrm_encap_tmpl encap = {
	    .encap_type = 2, .encap_sport = htons(4500), .encap_dport = htons(4500)};
	const uint64_t last_used = 1700000001;
	struct nlmsghdr *parts[3];

	sa.packets = 1000;
	sa.bytes = 1000000;
	sa.has_mark = true;
	sa.mark = 1;
	sa.mark_mask = UINT32_MAX;
	sa.has_if_id = true;
	sa.has_esn = true;
	sa.esn_window = 128;
	if (outbound)
		sa.oseq = 1000;
	else
		sa.iseq = 1000;
	parts[0] = message_newsa(XFRM_MSG_NEWSA, &sa);
	parts[1] = message_with_attr(parts[0], XFRMA_ENCAP, &encap, sizeof(encap));
	parts[2] =
	    message_with_attr(parts[1], XFRMA_LASTUSED, &last_used, sizeof(last_used));
	free(parts[0]);
	free(parts[1]);
	return parts[2];
}

static char *message_at(const struct replay *replay, size_t number)
{
	return replay->messages + number * replay->size;
}

static struct xfrm_usersa_info *info_at(const struct replay *replay, size_t number)
{
	return (void *)(message_at(replay, number) + NLMSG_HDRLEN);
}

static void make_messages(struct replay *replay, size_t n)
{
	const size_t peers =
	    n / SAS_PER_PEER < MAX_PEERS ? n / SAS_PER_PEER : MAX_PEERS;
	struct nlmsghdr *models[] = {make_message(false), make_message(true)};

	replay->size = NLMSG_ALIGN(models[0]->nlmsg_len);
	replay->messages = calloc(n, replay->size);
	if (!replay->messages)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct xfrm_usersa_info *info = info_at(replay, i);
		const uint32_t peer = htonl(FIRST_PEER + (uint32_t)(i / 2 % peers));

		memcpy(message_at(replay, i), models[i % 2], models[i % 2]->nlmsg_len);
		info->id.spi = htonl(0x1000 + (uint32_t)i);
		info->reqid = 1 + (uint32_t)(i / 2);
		info->saddr.a4 = i % 2 ? htonl(LOCAL) : peer;
		info->id.daddr.a4 = i % 2 ? peer : htonl(LOCAL);
	}
	free(models[0]);
	free(models[1]);
}

/* Hands over the messages in pieces that are copied, as by recv(2). */
static int dump_sad(const struct replay *replay, kernel_message_cb cb, void *ctx)
{
	static _Alignas(struct nlmsghdr) char piece[PIECE];
	const size_t whole = PIECE / replay->size;
	int err = 0;

	for (size_t i = 0; i < replay->n && !err; i += whole) {
		size_t left = replay->n - i;
		size_t n = left < whole ? left : whole;

		memcpy(piece, message_at(replay, i), n * replay->size);
		for (size_t j = 0; j < n && !err; j++)
			err = cb(ctx, (void *)(piece + j * replay->size));
	}
	return err;
}

static int dump(void *kernel, enum kernel_dump what, kernel_message_cb cb, void *ctx)
{
	const struct replay *replay = kernel;

	return what == KERNEL_DUMP_SAD ? dump_sad(replay, cb, ctx)
				       : fake_kernel_ops.dump(kernel, what, cb, ctx);
}

static int look_at_nothing(void *ctx, const struct nlmsghdr *nlh)
{
	(void)ctx, (void)nlh;
	return 0;
}

static void carry(struct replay *replay)
{
	for (size_t i = 0; i < replay->n; i++) {
		struct xfrm_usersa_info *info = info_at(replay, i);

		if (i / 2 % 2) {
			info->curlft.bytes += 100;
			info->curlft.packets++;
		}
	}
	replay->kernel.now += SECOND;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static uint64_t median(uint64_t *samples, size_t n)
{
	qsort(samples, n, sizeof(*samples), compare);
	return samples[n / 2];
}

static uint64_t poll_once(struct collector *collector)
{
	uint64_t start = now();

	if (collector_poll(collector))
		abort();
	return now() - start;
}

static uint64_t copy_once(const struct replay *replay)
{
	uint64_t start = now();

	dump_sad(replay, look_at_nothing, NULL);
	return now() - start;
}

static struct collector *open_collector(struct replay *replay, struct instance_set *set)
{
	static struct kernel_ops ops;
	const struct collector_options options = {.netns = "",
						  .stale_after = 60 * (uint64_t)SECOND,
						  .peers = &peer_config_default};
	struct collector *collector;

	ops = fake_kernel_ops;
	ops.dump = dump;
	replay->kernel =
	    (struct fake_kernel){.now = SECOND, .xfrm_stat = "XfrmInNoStates\t0\n"};
	fake_kernel_addr(&replay->kernel, "10.0.0.1", 1);
	collector = collector_new(&ops, replay, &options, set);
	if (!collector || collector_poll(collector))
		abort();
	return collector;
}

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void polls(struct collector *collector, struct replay *replay)
{
	static uint64_t costs[MAX_ROUNDS], floors[MAX_ROUNDS];
	size_t rounds = WORK / replay->n + 10;

	if (rounds > MAX_ROUNDS)
		rounds = MAX_ROUNDS;
	for (size_t i = 0; i < rounds; i++) {
		carry(replay);
		costs[i] = poll_once(collector);
		floors[i] = copy_once(replay);
	}
	printf("poll %zu %.1f %.1f\n", replay->n,
	       (double)median(costs, rounds) / (double)replay->n,
	       (double)median(floors, rounds) / (double)replay->n);
}

/* The first poll of the SAs takes them in; the second one has settled what that left
 * open. */
static void sas(size_t n)
{
	struct replay replay = {.n = 0};
	struct collector *collector;
	struct instance_set set;
	size_t before;

	make_messages(&replay, n);
	if (instance_set_init(&set))
		abort();
	collector = open_collector(&replay, &set);
	before = allocated();
	replay.n = n;
	for (int i = 0; i < 2; i++) {
		carry(&replay);
		poll_once(collector);
	}
	if (collector_status(collector)->health.tracked_sas != n)
		abort();
	printf("memory %zu %.1f\n", n, (double)(allocated() - before) / (double)n);
	polls(collector, &replay);
	collector_free(collector);
	instance_set_free(&set);
	fake_kernel_free(&replay.kernel);
	free(replay.messages);
}

static void add_rows(struct instance_set *set)
{
	for (unsigned i = 0; i + 1 < ROWS; i++) {
		char line[64], error[200];

		snprintf(line, sizeof(line), "hba-%05u local 10.1.%u.%u", i, i / 250,
			 i % 250 + 1);
		if (instance_set_add_line(set, line, error, sizeof(error)))
			abort();
	}
}

static void publish(void)
{
	enum { ROUNDS = 50 };
	static uint64_t costs[ROUNDS];
	struct replay replay = {.n = 0, .size = PIECE};
	struct collector *collector;
	struct instance_set set;

	if (instance_set_init(&set))
		abort();
	add_rows(&set);
	collector = open_collector(&replay, &set);
	for (size_t i = 0; i < ROUNDS; i++) {
		struct snapshot snapshot = {0};
		uint64_t start = now();

		if (collector_snapshot(collector, &snapshot) ||
		    snapshot_sort(&snapshot) || snapshot.n_rows != ROWS)
			abort();
		snapshot_free(&snapshot);
		costs[i] = now() - start;
	}
	printf("publish %d %llu\n", ROWS, (unsigned long long)median(costs, ROUNDS));
	collector_free(collector);
	instance_set_free(&set);
	fake_kernel_free(&replay.kernel);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "sas") && atol(argv[2]) > 0)
		sas((size_t)atol(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "publish"))
		publish();
	else
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input becomes netlink messages, the answers to dumps and the stream of events,
 * and polls, failures and changes of the configuration between them. After each poll
 * the snapshot is checked, and compared with the one before. Records of an operation
 * and its operands: see operations[].
 */
#include "fuzz.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_snapshot.h"
#include "kernel/sa.h"
#include "notify/notifier.h"
#include "tests/unit/fake_kernel.h"
#include "tests/unit/tree.h"
#include "util/array.h"

#define MS UINT64_C(1000000)

enum {
	MAX_MESSAGES = 64, /* in each list */
	MAX_POLLS = 64,
	ROOM = 4096,
};

static struct fake_kernel kernel;
static struct collector *collector;
static struct notifier notifier;
static struct snapshot last; /* after the last good poll */
static bool have_last;
static bool attached;
static unsigned n_polls;
static char stat_text[ROOM];
static struct tree tree; /* sysfs with one session, which does not change */

static void remove_tree(void)
{
	tree_remove(&tree);
}

static void make_tree(void)
{
	if (tree.root[0])
		return;
	tree_make(&tree);
	tree_session(&tree, 1, 1, "10.0.0.1", "10.0.0.2", "iqn.2026-01.example:init");
	atexit(remove_tree);
}

static void configure_peers(struct peer_config *peers, uint8_t how)
{
	*peers = peer_config_default;
	peers->enabled = !(how & 1);
	if (how & 2)
		peers->max_peers = 2; /* so few that they are folded */
	if (how & 4)
		HOLDS(peer_config_add_line(peers, "10.0.0.0/24 a", NULL, 0) == 0);
	if (how & 8)
		peers->hold_down_ms = 0;
}

static void configure(struct instance_set *set, uint8_t how)
{
	static const char *const lines[] = {
	    "a local 10.0.0.1",
	    "b remote 10.0.0.2/31",
	    "c reqid 1",
	    "d ifid 42",
	};
	char error[256];

	HOLDS(instance_set_init(set) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (how >> (4 + i) & 1)
			HOLDS(instance_set_add_line(set, lines[i], error,
						    sizeof(error)) == 0);
}

/* how: the low bits choose the peers, the high ones the instances. */
static struct collector *open_collector(uint8_t how)
{
	struct collector_options options = {
	    .netns = "", .sysfs_root = tree.root, .stale_after = 60000 * MS};
	struct peer_config peers;
	struct instance_set set;

	configure_peers(&peers, how);
	configure(&set, how);
	return make_collector(&kernel, &options, &set, &peers);
}

/* A message with the length that its block has. */
static struct nlmsghdr *take_message(struct bytes *bytes)
{
	size_t len;
	const uint8_t *block = take_block(bytes, &len);
	struct nlmsghdr *nlh = calloc(1, len < sizeof(*nlh) ? sizeof(*nlh) : len);

	HOLDS(nlh != NULL);
	memcpy(nlh, block, len);
	nlh->nlmsg_len = (uint32_t)(len < sizeof(*nlh) ? sizeof(*nlh) : len);
	return nlh;
}

/* No sum of such numbers wraps. A sum that does would decrease. */
static bool is_modest(const struct nlmsghdr *nlh)
{
	struct sa_event event = {.type = SA_EVENT_OTHER};

	return sa_event_parse(nlh, &event) < 0 ||
	       (event.sa.sample.bytes < UINT64_C(1) << 56 &&
		event.sa.sample.packets < UINT64_C(1) << 56);
}

static void add_message(struct message_list *list, struct bytes *bytes)
{
	struct nlmsghdr *nlh = take_message(bytes);

	if (list->n < MAX_MESSAGES && is_modest(nlh))
		fake_kernel_add(list, nlh);
	else
		free(nlh);
}

static void drain_notifier(void)
{
	struct notification notification;
	unsigned of_kind[N_NOTIFICATION_KINDS] = {0};
	unsigned n = 0;

	while (notifier_next(&notifier, kernel.now, &notification)) {
		HOLDS(notification.kind >= NOTIFICATION_INSTANCE_UP &&
		      notification.kind < N_NOTIFICATION_KINDS);
		HOLDS(instance_name_is_valid(notification.instance));
		HOLDS(++of_kind[notification.kind] <= NOTIFIER_CAP);
		if (n++ % 3)
			notifier_confirm(&notifier, &notification);
		else
			notifier_return(&notifier, &notification);
	}
	HOLDS(notifier_due(&notifier) > 0);
}

static void look(bool with_reports)
{
	struct snapshot snapshot = {.n_rows = 0};
	struct sa_list sas = {.n = 0};

	HOLDS(collector_snapshot(collector, &snapshot) == 0);
	HOLDS(snapshot_sort(&snapshot) == 0);
	if (attached)
		HOLDS(collector_list_sas(collector, &sas) == 0);
	sa_list_sort(&sas);
	check_snapshot(&snapshot, &sas);
	if (with_reports)
		check_reports(&snapshot, &sas);
	if (have_last)
		check_growth_of(&last, &snapshot);
	sa_list_free(&sas);
	HOLDS(notifier_observe(&notifier, &snapshot, kernel.now) == 0);
	drain_notifier();
	snapshot_free(&last);
	last = snapshot;
	have_last = true;
}

static void poll_once(struct bytes *bytes)
{
	if (!attached || n_polls++ >= MAX_POLLS)
		return;
	kernel.asked[0] = '\0';
	kernel.now += MS;
	if (!collector_poll(collector))
		look(!bytes->left); /* reports take long: the last only */
	collector_wants_poll(collector);
	collector_missing_devices(collector);
}

static void add_event(struct bytes *bytes)
{
	add_message(&kernel.events, bytes);
}

static void read_events(struct bytes *bytes)
{
	(void)bytes;
	if (attached)
		collector_read_events(collector);
}

static void add_answer(struct bytes *bytes)
{
	add_message(&kernel.dumps[take_u8(bytes) % 4], bytes);
}

static void clear_answers(struct bytes *bytes)
{
	fake_kernel_clear(&kernel.dumps[take_u8(bytes) % 4]);
	kernel.addrs_changed = true;
}

static void pass_time(struct bytes *bytes)
{
	kernel.now += take_u16(bytes) * MS;
}

static void fail_dump(struct bytes *bytes)
{
	static const int errors[] = {0, -EINTR, -EPERM, -ETIMEDOUT, -EBADMSG};
	uint8_t what = take_u8(bytes);

	kernel.dump_error[what % 4] = errors[(what >> 2) % ARRAY_SIZE(errors)];
	kernel.dump_error_after[what % 4] = what >> 6;
}

static void fail_events(struct bytes *bytes)
{
	static const int errors[] = {-ENOBUFS, -ENOSPC, -EBADMSG, -EIO};
	uint8_t what = take_u8(bytes);

	kernel.events_error = errors[what % ARRAY_SIZE(errors)];
	kernel.n_events_errors = what >> 2 & 3;
	kernel.events_a_read = what >> 4;
}

static void set_stat(struct bytes *bytes)
{
	static struct xfrm_stat stat;
	size_t len;
	const uint8_t *block = take_block(bytes, &len);

	if (len >= sizeof(stat_text))
		len = sizeof(stat_text) - 1;
	memcpy(stat_text, block, len);
	stat_text[len] = '\0';
	stat.n = 0;
	if (!xfrm_stat_parse(stat_text, strlen(stat_text), &stat))
		for (size_t i = 0; i < stat.n; i++)
			if (stat.counters[i].value >> 56)
				stat_text[0] = '\0';
}

static void detach_or_attach(struct bytes *bytes)
{
	bool same = take_u8(bytes) & 1;

	if (attached)
		collector_detach(collector);
	else
		HOLDS(collector_attach(collector, &kernel, same) == 0);
	attached = !attached;
	if (attached && !same)
		have_last = false;
}

static void reconfigure(struct bytes *bytes)
{
	uint8_t how = take_u8(bytes);
	struct peer_config peers;
	struct instance_set set;

	configure_peers(&peers, how);
	configure(&set, how);
	HOLDS(collector_reconfigure(collector, &set, &peers, 60000 * MS) == 0);
	instance_set_free(&set);
	peer_config_free(&peers);
}

/* A daemon with the same configuration continues from what this one saves, and would
 * save the same. */
static void restart(struct bytes *bytes)
{
	uint8_t how = take_u8(bytes);
	struct collector *next = open_collector(how);
	size_t size, again_size;
	char *body, *again;

	if (!attached || !have_last) {
		collector_free(next);
		return;
	}
	body = save_body(collector, &size);
	HOLDS(load_body(next, body, size, kernel.now) == 0);
	collector_free(collector);
	collector = next;
	again = save_body(next, &again_size);
	next = open_collector(how);
	HOLDS(load_body(next, again, again_size, kernel.now) == 0);
	free(body);
	body = save_body(next, &size);
	HOLDS(size == again_size && !memcmp(body, again, size));
	collector_free(next);
	free(body);
	free(again);
	have_last = false;
	if (how & 1)
		collector_note_gap(collector);
}

static void change_routes(struct bytes *bytes)
{
	uint8_t what = take_u8(bytes);

	kernel.route = what & 3;
	kernel.route_type_error = what & 4 ? -EIO : 0;
	kernel.n_local_routes = 0;
	if (what & 8)
		fake_kernel_route(&kernel, "198.51.100.0", 24, RTN_LOCAL);
	if (what & 16)
		fake_kernel_route(&kernel, "10.0.0.2", 32, RTN_BROADCAST);
	kernel.n_foreign += what >> 5;
	kernel.xfrm_stat_error = what & 128 ? -ENOENT : 0;
}

static void (*const operations[])(struct bytes *bytes) = {
    add_event,     add_answer, poll_once,     read_events, pass_time,
    clear_answers, fail_dump,  fail_events,   set_stat,    detach_or_attach,
    reconfigure,   restart,    change_routes,
};

static void begin(uint8_t how)
{
	struct notify_config config = notify_config_default;

	make_tree();
	kernel = (struct fake_kernel){.now = 1000000 * MS, .xfrm_stat = stat_text};
	stat_text[0] = '\0';
	fake_kernel_addr(&kernel, "10.0.0.1", 2);
	collector = open_collector(how);
	attached = true;
	have_last = false;
	n_polls = 0;
	notifier = (struct notifier){.began = 0};
	HOLDS(notify_config_add_line(&config, "all", NULL, 0) == 0);
	config.hold_down_ms = 100;
	notifier_configure(&notifier, &config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};

	begin(take_u8(&bytes));
	while (bytes.left)
		operations[take_u8(&bytes) % ARRAY_SIZE(operations)](&bytes);
	poll_once(&bytes);
	notifier_free(&notifier);
	snapshot_free(&last);
	collector_free(collector);
	fake_kernel_free(&kernel);
	return 0;
}

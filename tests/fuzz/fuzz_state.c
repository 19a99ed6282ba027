/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is the body of a state file, behind a byte that chooses the configuration
 * of the daemon that reads it. What loads must be saved in such a way that it loads
 * again, and equal; it must make sound rows, and the next polls must work. If bit 7 of
 * the first byte is set, the rest is a whole file.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/state.h"
#include "fuzz_snapshot.h"
#include "tests/unit/fake_kernel.h"
#include "tests/unit/tree.h"

static struct fake_kernel kernel;
static const char no_errors[] = "XfrmInNoStates\t0\nXfrmInStateProtoError\t0\n";

static struct collector *open_collector(uint8_t how)
{
	struct collector_options options = {.netns = "", .stale_after = 1};
	struct peer_config peers = peer_config_default;
	struct instance_set set;
	char error[256];

	peers.enabled = !(how & 1);
	if (how & 2)
		peers.max_peers = 2;
	if (how & 4)
		HOLDS(peer_config_add_line(&peers, "192.0.2.0/24 a", NULL, 0) == 0);
	HOLDS(instance_set_init(&set) == 0);
	if (how & 8)
		HOLDS(instance_set_add_line(&set, "a local 10.0.0.1", error,
					    sizeof(error)) == 0);
	if (how & 16)
		HOLDS(instance_set_add_rename(&set, "tcp:default a", error,
					      sizeof(error)) == 0);
	return make_collector(&kernel, &options, &set, &peers);
}

static void check_rows(struct collector *collector)
{
	struct snapshot snapshot = {.n_rows = 0};
	struct sa_list sas = {.n = 0};

	HOLDS(collector_snapshot(collector, &snapshot) == 0);
	HOLDS(snapshot_sort(&snapshot) == 0);
	HOLDS(collector_list_sas(collector, &sas) == 0);
	sa_list_sort(&sas);
	check_snapshot(&snapshot, &sas);
	check_reports(&snapshot, &sas);
	sa_list_free(&sas);
	snapshot_free(&snapshot);
}

/* Saved and loaded once more, nothing changes. */
static void check_round_trip(struct collector *collector, uint8_t how)
{
	struct collector *other = open_collector(how);
	size_t size, again_size;
	char *body = save_body(collector, &size);
	char *again;

	HOLDS(load_body(other, body, size, kernel.now) == 0);
	again = save_body(other, &again_size);
	HOLDS(size == again_size && !memcmp(body, again, size));
	collector_free(other);
	free(body);
	free(again);
}

static void read_body(const uint8_t *body, size_t size, uint8_t how)
{
	struct collector *collector = open_collector(how);

	if (!load_body(collector, body, size, kernel.now)) {
		check_rows(collector);
		check_round_trip(collector, how);
		for (int i = 0; i < 3; i++) {
			kernel.now += UINT64_C(1000000000);
			kernel.asked[0] = '\0';
			HOLDS(collector_poll(collector) == 0);
			check_rows(collector);
		}
		check_round_trip(collector, how);
	}
	collector_free(collector);
}

static void read_file(const uint8_t *file, size_t size, uint8_t how)
{
	const struct state_id id = {.boot_id = "1", .netns_cookie = 1};
	struct collector *collector = open_collector(how);
	struct tree tree;
	uint64_t last_at;
	int err;

	tree_make(&tree);
	tree_write(&tree, "qmipsecd.state", file, size);
	err = state_load(tree.root, "", &id, collector_rows(collector), kernel.now,
			 &last_at);
	HOLDS(err == 0 || err == -EBADMSG || err == -ESTALE);
	tree_remove(&tree);
	collector_free(collector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};
	uint8_t how = take_u8(&bytes);
	struct sa_values sa = sa_values_of("10.0.0.1", "192.0.2.1", 1);

	kernel = (struct fake_kernel){.now = UINT64_C(1) << 40, .xfrm_stat = no_errors};
	fake_kernel_addr(&kernel, "10.0.0.1", 2);
	fake_kernel_sa(&kernel, &sa);
	if (how & 0x80)
		read_file(bytes.at, bytes.left, how);
	else
		read_body(bytes.at, bytes.left, how);
	fake_kernel_free(&kernel);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "instance/inventory.h"

#include <linux/xfrm.h>
#include <stdio.h>
#include <string.h>

#include "hba.h"
#include "messages.h"
#include "runner.h"
#include "tree.h"

#define IQN "iqn.1993-08.org.debian:01:a"
#define SECOND UINT64_C(1000000000)

static struct tree tree;
static struct inventory inventory;
static struct instance_set config;
static struct local_addrs addrs;
static struct policy policies[4];
static size_t n_policies;
static uint64_t now;

static void setup(void)
{
	tree_make(&tree);
	addrs = (struct local_addrs){0};
	n_policies = 0;
	now = SECOND;
	ck_assert_int_eq(instance_set_init(&config), 0);
	ck_assert_int_eq(inventory_init(&inventory, &config), 0);
}

static void teardown(void)
{
	inventory_free(&inventory);
	instance_set_free(&config);
	local_addrs_free(&addrs);
	tree_remove(&tree);
}

static void reconfigure(void)
{
	struct instance_set own;

	ck_assert_int_eq(instance_set_select(&config, "", &own), 0);
	ck_assert_int_eq(inventory_configure(&inventory, &own), 0);
	instance_set_free(&own);
}

static void configure(const char *line)
{
	char error[200];

	ck_assert_int_eq(instance_set_add_line(&config, line, error, sizeof(error)), 0);
	reconfigure();
}

static void refresh(void)
{
	ck_assert_int_eq(inventory_refresh(&inventory, tree.root, &addrs, now), 0);
}

/* A session of iscsi_tcp between 10.0.0.1 and 192.0.2.1, on the host with its
 * number. */
static void log_in(unsigned number, const char *iface, const char *state)
{
	const struct hba_host host = {HBA_ISCSI_TCP, number, .ipaddress = "10.0.0.1"};
	const struct hba_session session = {.number = number,
					    .iface = iface,
					    .initiator = IQN,
					    .address = "192.0.2.1",
					    .local_port = 40000 + number,
					    .state = state};

	hba_log_in(&tree, &host, &session);
}

static void log_out(unsigned number)
{
	const struct hba_host host = {.driver = HBA_ISCSI_TCP, .number = number};
	const struct hba_session session = {.number = number};

	hba_log_out(&tree, &host, &session);
}

/* The remote address of the connection. A change does not show in the listing of the
 * classes. */
static void peer_moves_to(const char *addr)
{
	char text[60];

	snprintf(text, sizeof(text), "%s\n", addr);
	tree_text(&tree, "class/iscsi_connection/connection1:0/address", text);
}

static bool peer_is(const char *text)
{
	const struct in6_addr addr = addr_of(text);

	ck_assert_uint_ge(inventory.sysfs.n_connections, 1);
	return !memcmp(&inventory.sysfs.connections[0].remote, &addr, sizeof(addr));
}

/* When sysfs is read. */

CHAPTER(setup, teardown);

TEST(nothing_to_look_at)
{
	log_in(1, "eth1", NULL);
	ck_assert_int_eq(inventory_refresh(&inventory, NULL, &addrs, now), 0);
	ck_assert_uint_eq(inventory.sysfs.n_connections, 0);
	ck_assert_int_eq(inventory_refresh(&inventory, "/nonexistent", &addrs, now), 0);
	ck_assert_uint_eq(inventory.set.n, 1);
}

TEST(read_again_only_when_needed)
{
	uint64_t first = now;

	log_in(1, "eth1", NULL);
	refresh();
	ck_assert(peer_is("192.0.2.1"));
	peer_moves_to("192.0.2.2");
	now = first + 5 * SECOND;
	refresh();
	ck_assert(peer_is("192.0.2.1"));
	now = first + INVENTORY_REREAD_NS - 1;
	refresh();
	ck_assert(peer_is("192.0.2.1"));
	now++;
	refresh();
	ck_assert(peer_is("192.0.2.2"));
	/* from then on, again */
	peer_moves_to("192.0.2.3");
	now += INVENTORY_REREAD_NS - 1;
	refresh();
	ck_assert(peer_is("192.0.2.2"));
	now++;
	refresh();
	ck_assert(peer_is("192.0.2.3"));
}

TEST(read_when_something_appears_or_disappears)
{
	const struct hba_host host = {HBA_QEDI, 9, "pci0000:00/0000:00:01.0",
				      "f4:e9:d4:ee:30:11", .ipaddress = ""};
	const struct hba_session session = {
	    .number = 4, .initiator = IQN, .address = "192.0.2.1"};

	log_in(1, "eth1", NULL);
	refresh();
	peer_moves_to("192.0.2.2");
	log_in(2, "eth1", NULL);
	refresh();
	ck_assert(peer_is("192.0.2.2"));
	ck_assert_uint_eq(inventory.sysfs.n_connections, 2);
	peer_moves_to("192.0.2.3");
	log_out(2);
	refresh();
	ck_assert(peer_is("192.0.2.3"));
	ck_assert_uint_eq(inventory.sysfs.n_connections, 1);
	hba_add_host(&tree, &host);
	refresh();
	ck_assert_int_gt(instance_set_find(&inventory.set, "qedi:0000:00:01.0"), 0);
	hba_add_session(&tree, &host, &session); /* on an existing host */
	refresh();
	ck_assert_uint_eq(inventory.sysfs.n_connections, 2);
	/* as many as before, but other ones */
	log_out(1);
	log_in(3, "eth2", NULL);
	refresh();
	ck_assert_int_gt(instance_set_find(&inventory.set, "tcp:eth2"), 0);
}

TEST(read_while_a_session_comes_up)
{
	log_in(1, "eth1", "FREE");
	refresh();
	peer_moves_to("192.0.2.2");
	refresh();
	ck_assert(peer_is("192.0.2.2"));
	tree_text(&tree, "class/iscsi_session/session1/state", "LOGGED_IN\n");
	refresh();
	peer_moves_to("192.0.2.3");
	refresh();
	ck_assert(peer_is("192.0.2.2"));
}

TEST(read_after_new_configuration)
{
	log_in(1, "eth1", NULL);
	refresh();
	configure("mine remote 192.0.2.1");
	refresh();
	ck_assert_str_eq(inventory.set.instances[inventory.owners[0]].name, "mine");
}

/* A session keeps its addresses during recovery, over any number of readings. */
TEST(addresses_are_kept)
{
	log_in(1, "eth1", NULL);
	refresh();
	tree_text(&tree, "class/iscsi_session/session1/state", "FAILED\n");
	tree_delete(&tree, "class/iscsi_connection/connection1:0/address");
	tree_delete(&tree, "class/iscsi_connection/connection1:0/persistent_address");
	hba_unreadable(&tree, "class/iscsi_connection/connection1:0/address");
	for (int i = 0; i < 3; i++) {
		now += INVENTORY_REREAD_NS;
		refresh();
		ck_assert(peer_is("192.0.2.1"));
		ck_assert(inventory.sysfs.connections[0].has_local);
	}
}

/* Owners of SAs. */

static void add_policy(enum policy_dir dir, uint32_t reqid, uint32_t if_id)
{
	bool out = dir == POLICY_OUT;

	policies[n_policies++] = (struct policy){
	    .dir = dir,
	    .family = AF_INET,
	    .saddr = addr_of(out ? "10.0.0.1" : "192.0.2.1"),
	    .daddr = addr_of(out ? "192.0.2.1" : "10.0.0.1"),
	    .saddr_prefix = 32,
	    .daddr_prefix = 32,
	    .if_id = if_id,
	    .allow = true,
	    .n_templates = 1,
	    .templates = {{.family = AF_INET,
			   .proto = IPPROTO_ESP,
			   .mode = XFRM_MODE_TRANSPORT,
			   .reqid = reqid}},
	};
}

/* Makes the claims. Returns true if they have changed. */
static bool claim(bool policies_changed)
{
	bool changed = false;

	inventory.flows_changed |= policies_changed;
	ck_assert_int_eq(inventory_claim(&inventory, policies, n_policies, &changed),
			 0);
	return changed;
}

static enum row_reason reason; /* of the last owner */

static const char *owner_of(uint32_t reqid, uint32_t if_id)
{
	struct sa sa = sa_of("10.0.0.1", "192.0.2.1", 1);

	sa.mode = XFRM_MODE_TRANSPORT;
	sa.reqid = reqid;
	sa.if_id = if_id;
	return inventory.set
	    .instances[inventory_row(&inventory, &addrs, policies, n_policies, &sa,
				     SA_DIR_OUT, &reason)]
	    .name;
}

TEST(claims_change)
{
	bool changed = true;

	ck_assert(!claim(true));
	add_policy(POLICY_OUT, 5, 0);
	ck_assert(!claim(true)); /* no connection exists */
	log_in(1, "eth1", NULL);
	refresh();
	ck_assert(claim(false));
	ck_assert_str_eq(owner_of(5, 0), "tcp:eth1");
	ck_assert_int_eq(reason, ROW_BY_POLICY);
	ck_assert_str_eq(owner_of(6, 0), INSTANCE_UNATTRIBUTED);
	ck_assert_int_eq(reason, ROW_UNCLAIMED);
	ck_assert(!claim(false));
	ck_assert(!claim(true));
	/* an earlier true stays */
	inventory.flows_changed = true;
	ck_assert_int_eq(inventory_claim(&inventory, policies, n_policies, &changed),
			 0);
	ck_assert(changed);
	policies[0].templates[0].reqid = 6;
	ck_assert(!claim(false)); /* without a change of policies */
	ck_assert_str_eq(owner_of(5, 0), "tcp:eth1");
	ck_assert(claim(true));
	ck_assert_str_eq(owner_of(6, 0), "tcp:eth1");
	ck_assert_str_eq(owner_of(5, 0), INSTANCE_UNATTRIBUTED);
	/* another reading with the same result */
	now += INVENTORY_REREAD_NS;
	refresh();
	ck_assert(!claim(false));
	peer_moves_to("192.0.2.2");
	now += INVENTORY_REREAD_NS;
	refresh();
	ck_assert(claim(false));
	ck_assert_str_eq(owner_of(6, 0), INSTANCE_UNATTRIBUTED);
	log_out(1);
	refresh();
	ck_assert(claim(false));
	ck_assert_uint_eq(inventory.claims.n, 0);
}

/* Adapters with an own IPsec and connections without an instance make no claims. */
TEST(who_makes_claims)
{
	const struct hba_host host = {
	    HBA_BNX2I,           8,      "pci0000:00/0000:00:01.0",
	    "00:10:18:a5:32:19", "eth2", .ipaddress = "10.0.0.1"};
	const struct hba_session session = {
	    .number = 3, .initiator = IQN, .address = "192.0.2.1"};

	hba_add_host(&tree, &host);
	hba_add_session(&tree, &host, &session);
	refresh();
	ck_assert(!inventory_wants_policies(&inventory));
	add_policy(POLICY_OUT, 5, 0);
	ck_assert(!claim(true));
	config.discover = false;
	reconfigure();
	log_in(1, "eth1", NULL);
	refresh();
	ck_assert(!inventory_wants_policies(&inventory));
	ck_assert(!claim(true));
	config.discover = true;
	reconfigure();
	refresh();
	ck_assert(inventory_wants_policies(&inventory));
	ck_assert(claim(false));
}

/* Two records with one path and one policy: the first name has the SA, but a
 * configured instance takes precedence over a discovered one. */
TEST(ties)
{
	add_policy(POLICY_OUT, 5, 0);
	log_in(1, "b", NULL);
	log_in(2, "a", NULL);
	refresh();
	claim(true);
	ck_assert_str_eq(owner_of(5, 0), "tcp:a");
	configure("z remote 198.51.100.1 descr \"no address of theirs\"");
	configure("tcp:b reqid 77");
	refresh();
	claim(false);
	ck_assert_str_eq(owner_of(5, 0), "tcp:b");
}

TEST(rules_come_before_claims)
{
	add_policy(POLICY_OUT, 5, 0);
	configure("mine reqid 5");
	log_in(1, "eth1", NULL);
	refresh();
	claim(true);
	ck_assert_str_eq(owner_of(5, 0), "mine");
	ck_assert_int_eq(reason, ROW_BY_RULE);
}

TEST(an_sa_between_the_ends_of_a_connection)
{
	log_in(1, "eth1", NULL);
	refresh();
	claim(true);
	ck_assert_str_eq(owner_of(5, 0), "tcp:eth1");
	ck_assert_int_eq(reason, ROW_BY_CONNECTION);
}

/* The path of a connection. */

static unsigned n_asked;

static int route(void *ctx, const struct iscsi_connection *connection,
		 const struct iscsi_host *host, uint32_t *ret_if_index)
{
	ck_assert_str_eq(host->driver, "iscsi_tcp");
	ck_assert_uint_eq(connection->host, host->number);
	n_asked++;
	*ret_if_index = *(const uint32_t *)ctx;
	return 0;
}

TEST(paths)
{
	const struct hba_host card = {HBA_QEDI, 8, "pci0000:00/0000:00:01.0",
				      "f4:e9:d4:ee:30:11", .ipaddress = "10.0.0.1"};
	const struct hba_session session = {
	    .number = 3, .initiator = IQN, .address = "192.0.2.1"};
	struct link link = {.if_index = 57, .if_id = 9};
	struct links links = {&link, 1};
	uint32_t if_index = 57;

	add_policy(POLICY_OUT, 5, 9);
	log_in(1, "eth1", NULL);
	hba_add_host(&tree, &card);
	hba_add_session(&tree, &card, &session);
	refresh();
	claim(true);
	ck_assert_str_eq(owner_of(5, 9), INSTANCE_UNATTRIBUTED);
	inventory_find_paths(&inventory, &links, route, &if_index);
	ck_assert_uint_eq(n_asked, 1);
	ck_assert_uint_eq(inventory.paths[0].if_id, 9);
	ck_assert(claim(true));
	ck_assert_str_eq(owner_of(5, 9), "tcp:eth1");
	/* a VTI, an interface without an effect on policies, no interface */
	link = (struct link){.if_index = 57, .out_mark = 3, .in_mark = 4};
	inventory_find_paths(&inventory, &links, route, &if_index);
	ck_assert_uint_eq(inventory.paths[0].if_id, 0);
	ck_assert_uint_eq(inventory.paths[0].out_mark, 3);
	ck_assert_uint_eq(inventory.paths[0].in_mark, 4);
	if_index = 2;
	inventory_find_paths(&inventory, &links, route, &if_index);
	ck_assert_uint_eq(inventory.paths[0].if_index, 2);
	ck_assert_uint_eq(inventory.paths[0].out_mark, 0);
	inventory_find_paths(&inventory, &links, NULL, NULL);
	ck_assert_uint_eq(inventory.paths[0].if_index, 0);
	ck_assert(claim(true));
	ck_assert_str_eq(owner_of(5, 9), INSTANCE_UNATTRIBUTED);
}

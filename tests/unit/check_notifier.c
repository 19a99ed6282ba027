/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notify/notifier.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"

#define SECOND UINT64_C(1000000000)

/* A world of some rows with a peer each, which a test changes between two looks. */
enum { ROWS = 3 };

static struct notifier notifier;
static struct snapshot_row rows[ROWS];
static struct snapshot_peer peers[ROWS];
static size_t n_rows;
static uint64_t now;

static void configure(const char *line, uint32_t hold_down_s)
{
	struct notify_config config = notify_config_default;
	char error[256];

	config.hold_down_ms = hold_down_s * 1000;
	ck_assert_int_eq(notify_config_add_line(&config, line, error, sizeof(error)),
			 0);
	notifier_configure(&notifier, &config);
}

static void setup(void)
{
	static const char *const names[ROWS] = {"a", "b", "unattributed"};

	notifier = (struct notifier){.began = 0};
	now = 1000 * SECOND;
	n_rows = ROWS;
	for (size_t i = 0; i < ROWS; i++) {
		rows[i] = (struct snapshot_row){.active = true,
						.error_scope = ERROR_SCOPE_INSTANCE,
						.software = true};
		peers[i] = (struct snapshot_peer){.active = true, .name = "192.0.2.1"};
		snprintf(rows[i].name, sizeof(rows[i].name), "%s", names[i]);
		snprintf(peers[i].instance, sizeof(peers[i].instance), "%s", names[i]);
	}
	rows[2].unattributed = true;
}

static void teardown(void)
{
	notifier_free(&notifier);
}

CHAPTER(setup, teardown);

/* So many seconds later. */
static void look_after(uint64_t seconds)
{
	struct snapshot snapshot = {
	    .rows = rows, .n_rows = n_rows, .peers = peers, .n_peers = n_rows};

	now += seconds * SECOND;
	ck_assert_int_eq(notifier_observe(&notifier, &snapshot, now), 0);
}

/* The next notification is this one, as in "2 a" or "4 a 192.0.2.1"; "": there is none.
 */
static void next_is(const char *expected)
{
	struct notification sent;
	char text[256] = "";

	if (notifier_next(&notifier, now, &sent))
		snprintf(text, sizeof(text), "%d %s%s%s", sent.kind, sent.instance,
			 *sent.peer ? " " : "", sent.peer);
	ck_assert_str_eq(text, expected);
}

static void start(const char *line, uint32_t hold_down_s)
{
	configure(line, hold_down_s);
	look_after(0);
	look_after(5);
	next_is("");
}

TEST(nothing_is_on_by_default)
{
	struct notify_config config = notify_config_default;

	notifier_configure(&notifier, &config);
	look_after(0);
	rows[0].active = false;
	look_after(100);
	next_is("");
	ck_assert_uint_eq(notifier_due(&notifier), UINT64_MAX);
}

TEST(what_is_so_at_the_start_is_known)
{
	configure("all", 0);
	n_rows = 1;
	look_after(0);
	n_rows = ROWS; /* namespaces are opened one after the other */
	rows[1].active = false;
	look_after(2);
	next_is("");
	look_after(100);
	next_is("");
	ck_assert_uint_eq(notifier_due(&notifier), UINT64_MAX);
}

TEST(an_instance_goes_and_comes)
{
	start("instances", 0);
	rows[0].active = false;
	look_after(5);
	next_is("2 a");
	next_is("");
	rows[0].active = true;
	look_after(5);
	next_is("1 a");
	next_is("");
}

TEST(only_what_is_asked_for)
{
	start("peers", 0);
	rows[0].active = peers[1].active = false;
	look_after(5);
	next_is("4 b 192.0.2.1");
	next_is("");
}

TEST(a_new_active_row_is_up_and_a_new_inactive_one_is_nothing)
{
	n_rows = 1;
	start("instances", 0);
	n_rows = ROWS;
	rows[2].active = false;
	look_after(5);
	next_is("1 b");
	next_is("");
}

TEST(a_row_that_disappears_is_down_once)
{
	start("all", 0);
	n_rows = 1;
	look_after(5);
	next_is("2 b");
	next_is("2 unattributed");
	next_is("4 b 192.0.2.1");
	next_is("4 unattributed 192.0.2.1");
	next_is("");
	look_after(100);
	next_is("");
	n_rows = ROWS;
	look_after(100);
	next_is("1 b");
}

TEST(an_inactive_row_that_disappears_is_nothing)
{
	rows[2].active = false;
	start("instances", 0);
	n_rows = 2;
	look_after(5);
	next_is("");
}

TEST(a_state_must_last)
{
	start("instances", 10);
	rows[0].active = false;
	look_after(5);
	next_is("");
	ck_assert_uint_eq(notifier_due(&notifier), now + 10 * SECOND);
	now += 10 * SECOND - 1;
	next_is("");
	now++; /* without another snapshot */
	next_is("2 a");
	ck_assert_uint_eq(notifier_due(&notifier), UINT64_MAX);
}

TEST(a_state_that_does_not_last_is_nothing)
{
	start("all", 10);
	for (size_t i = 0; i < 20; i++) {
		rows[0].active = peers[0].active = i % 2;
		look_after(5);
		next_is("");
	}
	look_after(100);
	next_is("");
}

TEST(a_flapping_peer_cannot_flood)
{
	size_t n = 0;
	struct notification sent;

	start("peers", 0);
	for (size_t i = 1; i <= 600; i++) {
		peers[0].active = i % 2 == 0;
		look_after(1);
		while (notifier_next(&notifier, now, &sent))
			n++;
	}
	ck_assert_uint_ge(n, 2 * 3 * 55);
	ck_assert_uint_le(n, 2 * 3 * 60);
}

TEST(the_cap_holds_back_and_loses_nothing)
{
	start("instances", 0);
	for (size_t i = 0; i < 3; i++) {
		rows[0].active = i % 2;
		look_after(0);
		next_is(i % 2 ? "1 a" : "2 a");
	}
	rows[1].active = rows[2].active = false;
	look_after(1);
	next_is("2 b");
	next_is("");
	ck_assert_uint_eq(notifier_due(&notifier), now + 9 * SECOND);
	now += 9 * SECOND;
	next_is("2 unattributed");
	next_is("");
}

TEST(what_is_held_back_is_sent_in_its_latest_state)
{
	start("instances", 0);
	rows[0].active = false;
	look_after(5);
	rows[0].active = true; /* before it could be sent: the master was away */
	look_after(5);
	next_is("1 a");
	next_is("");
}

TEST(what_is_lost_is_due_again)
{
	const struct notification lost = {.kind = NOTIFICATION_INSTANCE_DOWN,
					  .instance = "a"};

	start("all", 0);
	rows[0].active = false;
	look_after(5);
	next_is("2 a");
	notifier_return(&notifier, &lost);
	notifier_return(&notifier, &lost);
	next_is("2 a");
	next_is("");
	notifier_return(&notifier, &lost);
	rows[0].active = true;
	look_after(5);
	next_is("1 a");
	next_is("");
}

TEST(what_is_lost_after_its_row_has_gone_is_due_again)
{
	const struct notification sent = {.kind = NOTIFICATION_INSTANCE_DOWN,
					  .instance = "b"};

	start("instances", 0);
	n_rows = 1;
	look_after(5);
	next_is("2 b");
	next_is("2 unattributed");
	look_after(5);
	look_after(5); /* the master hangs meanwhile */
	notifier_return(&notifier, &sent);
	next_is("2 b");
	notifier_confirm(&notifier, &sent);
	look_after(5);
	notifier_return(&notifier, &sent); /* nothing is kept of it */
	next_is("");
}

TEST(each_has_its_turn)
{
	start("instances", 0);
	for (size_t i = 0; i < 3; i++) {
		rows[0].active = false;
		look_after(10);
		next_is("2 a");
		rows[0].active = true;
		look_after(10);
		next_is("1 a");
	}
	rows[0].active = rows[1].active = false;
	look_after(10);
	next_is("2 b");
	next_is("2 a");
}

TEST(other_is_no_peer)
{
	strcpy(peers[0].name, "other");
	start("peers", 0);
	peers[0].active = false;
	look_after(5);
	next_is("");
}

TEST(errors_that_rise_in_an_interval)
{
	struct notification sent;

	start("errors 10 60", 100);
	rows[0].stats.bad_spi_packets = 4;
	rows[0].stats.packets_not_decrypted = 3;
	rows[0].stats.packets_not_authenticated = 1;
	rows[0].replay_failures = 1;
	look_after(5);
	next_is("");
	rows[0].replay_failures = 5;
	look_after(5);
	ck_assert(notifier_next(&notifier, now, &sent));
	ck_assert_int_eq(sent.kind, NOTIFICATION_ERRORS_RISING);
	ck_assert_str_eq(sent.instance, "a");
	ck_assert_uint_eq(sent.errors[NOTIFY_ERROR_BAD_SPI], 4);
	ck_assert_uint_eq(sent.errors[NOTIFY_ERROR_NOT_DECRYPTED], 3);
	ck_assert_uint_eq(sent.errors[NOTIFY_ERROR_NOT_AUTHENTICATED], 1);
	ck_assert_uint_eq(sent.errors[NOTIFY_ERROR_REPLAY], 5);
	ck_assert_uint_eq(sent.interval_s, 60);
	next_is("");
}

TEST(errors_that_go_on_are_notified_once)
{
	start("errors 10 60", 0);
	rows[0].replay_failures = 10;
	look_after(5);
	next_is("5 a");
	for (size_t i = 0; i < 60; i++) {
		rows[0].replay_failures += 10;
		look_after(5);
		next_is("");
	}
	for (size_t i = 0; i < 30; i++) {
		look_after(5);
		next_is("");
	}
	rows[0].replay_failures += 10;
	look_after(5);
	next_is("5 a");
}

TEST(slow_errors_are_nothing)
{
	start("errors 10 60", 0);
	for (size_t i = 0; i < 100; i++) {
		rows[0].replay_failures += 1;
		look_after(10);
		next_is("");
	}
}

TEST(errors_of_a_namespace_are_notified_once)
{
	for (size_t i = 0; i < ROWS; i++)
		rows[i].error_scope = ERROR_SCOPE_NAMESPACE;
	start("errors 10 60", 0);
	for (size_t i = 0; i < ROWS; i++)
		rows[i].stats.bad_spi_packets = 100;
	look_after(5);
	next_is("5 unattributed");
	next_is("");
	rows[1].stats.packets_not_authenticated = 100;
	look_after(5);
	next_is("5 b");
	next_is("");
}

TEST(another_scope_is_no_rise)
{
	rows[0].error_scope = ERROR_SCOPE_NAMESPACE;
	rows[0].stats.bad_spi_packets = 1000;
	start("errors 10 60", 0);
	rows[0].error_scope = ERROR_SCOPE_INSTANCE;
	look_after(5);
	next_is("");
	rows[0].stats.bad_spi_packets = 0; /* the row begins again */
	look_after(5);
	next_is("");
	rows[0].stats.bad_spi_packets = 10;
	look_after(5);
	next_is("5 a");
}

TEST(errors_while_the_master_is_away_are_sent)
{
	start("errors 10 60", 0);
	rows[0].replay_failures = 10;
	for (size_t i = 0; i < 100; i++)
		look_after(5);
	next_is("5 a");
	next_is("");
}

TEST(sessions_without_an_sa)
{
	start("unprotected", 10);
	rows[0].sessions = 1;
	look_after(5);
	next_is("");
	look_after(10);
	next_is("6 a");
	look_after(100);
	next_is("");
	rows[0].stats.active_sa = 2;
	look_after(5);
	look_after(10);
	next_is("");
	rows[0].stats.active_sa = 0;
	look_after(5);
	look_after(10);
	next_is("6 a");
}

TEST(sessions_that_xfrm_cannot_see)
{
	rows[0].software = false;
	rows[1].active = false;
	start("unprotected", 0);
	rows[0].sessions = rows[1].sessions = 1;
	look_after(5);
	next_is("");
}

TEST(a_new_configuration_takes_effect)
{
	start("instances", 0);
	rows[0].active = peers[0].active = false;
	look_after(5);
	configure("peers", 0);
	next_is("");
	look_after(5);
	next_is(""); /* known when the topic began */
	peers[0].active = true;
	rows[0].active = true;
	look_after(5);
	next_is("3 a 192.0.2.1");
	next_is("");
	configure("all", 0);
	look_after(5);
	next_is("");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger_world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The SAs that the ledger shows one by one. */

CHAPTER(ledger_setup, ledger_teardown);

static char text[1000];

static int write_one(void *ctx, const struct ledger_view *view)
{
	size_t len = strlen(text);

	snprintf(text + len, sizeof(text) - len, "%u:%u:%d%s ", view->sa->spi,
		 view->account->row, view->direction, view->row_is_kept ? ":kept" : "");
	ck_assert_ptr_eq(ctx, &text);
	return 0;
}

/* "SPI:ROW:DIRECTION" of each, as the first dump ordered them. */
static const char *shown(void)
{
	text[0] = '\0';
	ck_assert_int_eq(ledger_view_sas(ledger, write_one, &text), 0);
	return text;
}

static struct sa rowed(struct sa sa)
{
	sa.reqid = 100;
	return sa;
}

TEST(each_sa_that_exists)
{
	ck_assert_str_eq(shown(), "");
	POLL(rowed(out_sa(1)), in_sa(2), larval(in_sa(3)));
	ck_assert_str_eq(shown(), "1:1:2 2:0:1 3:0:1 ");
	event(SA_EVENT_DELETE, in_sa(2));
	ck_assert_str_eq(shown(), "1:1:2 3:0:1 ");
}

static int stop_at_once(void *ctx, const struct ledger_view *view)
{
	(void)view;
	++*(int *)ctx;
	return -ENOMEM;
}

TEST(an_error_ends_the_view)
{
	int calls = 0;

	POLL(out_sa(1), in_sa(2));
	ck_assert_int_eq(ledger_view_sas(ledger, stop_at_once, &calls), -ENOMEM);
	ck_assert_int_eq(calls, 1);
}

static void restart(void)
{
	struct ledger_sa saved[8];
	size_t n = ledger_copy_sas(ledger, saved);

	ledger_again();
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(ledger_restore_sa(ledger, &saved[i], NULL), 0);
}

TEST(a_restored_sa_keeps_a_row_but_not_the_unattributed_one)
{
	POLL(rowed(out_sa(1)), in_sa(2));
	restart();
	POLL(rowed(out_sa(1)), in_sa(2), rowed(out_sa(4)));
	ck_assert_ptr_nonnull(strstr(shown(), "1:1:2:kept "));
	ck_assert_ptr_nonnull(strstr(text, "2:0:1 "));
	ck_assert_ptr_nonnull(strstr(text, "4:1:2 "));
}

TEST(a_row_that_is_asked_for_after_a_restart_is_not_kept)
{
	ownerless = true;
	POLL(rowed(out_sa(1)));
	restart();
	ownerless = false;
	ledger_reattribute(ledger);
	POLL(rowed(out_sa(1)));
	ck_assert_str_eq(shown(), "1:1:2 ");
}

TEST(an_sa_that_has_moved_keeps_its_row)
{
	POLL(rowed(out_sa(1)));
	move(rowed(out_sa(1)), "10.0.0.9", "192.0.2.9");
	POLL(moved(rowed(out_sa(1)), "10.0.0.9", "192.0.2.9"));
	ck_assert_str_eq(shown(), "1:1:2:kept ");
}

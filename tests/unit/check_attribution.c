/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log messages about the row and the direction of an SA. */
#include "collector/collector.h"

#include <stdio.h>
#include <string.h>

#include "fake_kernel.h"
#include "instances.h"
#include "runner.h"
#include "util/log.h"

static struct fake_kernel kernel;
static struct collector *collector;
static char logged[8192];

static void note(int level, const char *text)
{
	size_t used = strlen(logged);

	ck_assert_int_eq(level, LOG_DEBUG);
	snprintf(logged + used, sizeof(logged) - used, "%s\n", text);
}

static void setup(void)
{
	const struct collector_options options = {.netns = "",
						  .sysfs_root = "/nonexistent",
						  .stale_after = UINT64_MAX,
						  .peers = &peer_config_default};
	struct instance_set set;

	ck_assert_int_eq(instance_set_init(&set), 0);
	instances_configure(&set, "mine local 10.0.0.1");
	kernel = (struct fake_kernel){.now = 7777, .xfrm_stat = ""};
	fake_kernel_addr(&kernel, "10.0.0.1", 1);
	fake_kernel_addr(&kernel, "10.0.1.1", 2);
	collector = collector_new(&fake_kernel_ops, &kernel, &options, &set);
	ck_assert_ptr_nonnull(collector);
	instance_set_free(&set);
	logged[0] = '\0';
	log_set_sink(note);
}

static void teardown(void)
{
	log_set_sink(NULL);
	collector_free(collector);
	fake_kernel_free(&kernel);
}

static void add_sa(const char *saddr, const char *daddr, uint32_t spi)
{
	const struct sa_values sa = {.saddr = saddr,
				     .daddr = daddr,
				     .proto = IPPROTO_ESP,
				     .mode = XFRM_MODE_TUNNEL,
				     .spi = spi,
				     .reqid = 1,
				     .algs = MESSAGE_AEAD};

	fake_kernel_sa(&kernel, &sa);
}

static void has_logged(const char *line)
{
	ck_assert_msg(strstr(logged, line) != NULL, "no \"%s\" in: %s", line, logged);
}

CHAPTER(setup, teardown);

TEST(nothing_is_logged_unless_asked_for)
{
	add_sa("10.0.0.1", "192.0.2.1", 1);
	ck_assert_int_eq(collector_poll(collector), 0);
	ck_assert_str_eq(logged, "");
}

TEST(why_an_sa_counts_where)
{
	ck_assert(log_enable_topic("attribution"));
	ck_assert(log_enable_topic("direction"));
	add_sa("10.0.0.1", "192.0.2.1", 1);
	add_sa("192.0.2.1", "10.0.1.1", 2);
	ck_assert_int_eq(collector_poll(collector), 0);
	has_logged("direction: esp 0x1 10.0.0.1 > 192.0.2.1 reqid 1: outbound, by "
		   "which end is local\n");
	has_logged("attribution: esp 0x1 10.0.0.1 > 192.0.2.1 reqid 1, outbound: row "
		   "\"mine\": a configured rule matches\n");
	has_logged("direction: esp 0x2 192.0.2.1 > 10.0.1.1 reqid 1: inbound, by "
		   "which end is local\n");
	has_logged("attribution: esp 0x2 192.0.2.1 > 10.0.1.1 reqid 1, inbound: row "
		   "\"unattributed\": no rule and no connection claims it\n");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sa.h"

#include <stdio.h>
#include <string.h>

#include "messages.h"
#include "runner.h"
#include "util/array.h"

static const struct sa_values esp = {.saddr = "192.0.2.1",
				     .daddr = "192.0.2.2",
				     .proto = IPPROTO_ESP,
				     .spi = 0xc0ffee01,
				     .reqid = 5,
				     .algs = MESSAGE_AEAD};

static struct sa_values ipv6_acquire(void)
{
	struct sa_values sa = {.proto = IPPROTO_AH, .seq = 0x17, .reqid = 4294967295u};

	sa.saddr = "2001:db8:1111:2222:3333:4444:5555:6666";
	sa.daddr = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";
	return sa;
}

CHAPTER(NULL, NULL);

/* Frees the message. */
static const char *text_of(struct nlmsghdr *nlh)
{
	static char text[SA_TEXT_SIZE];

	sa_describe_message(nlh, text, sizeof(text));
	free(nlh);
	return text;
}

/* The text without the message length, which depends on the kernel's headers. */
static void check_text(struct nlmsghdr *nlh, const char *type, const char *rest)
{
	char expected[SA_TEXT_SIZE];

	snprintf(expected, sizeof(expected), "%s, %u bytes%s", type, nlh->nlmsg_len,
		 rest);
	ck_assert_str_eq(text_of(nlh), expected);
}

TEST(messages_of_sas)
{
	const struct sa_values acquire = ipv6_acquire();
	const char *rest = ": esp 0xc0ffee01 192.0.2.1 > 192.0.2.2 reqid 5";

	check_text(message_newsa(XFRM_MSG_NEWSA, &esp), "NEWSA", rest);
	check_text(message_newsa(XFRM_MSG_UPDSA, &esp), "UPDSA", rest);
	check_text(message_delsa(&esp), "DELSA", rest);
	check_text(message_expire(&esp, true), "EXPIRE", rest);
	check_text(message_newsa(XFRM_MSG_NEWSA, &acquire), "NEWSA",
		   ": ah acquire 0x17 2001:db8:1111:2222:3333:4444:5555:6666 > "
		   "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff reqid 4294967295");
}

TEST(other_messages)
{
	check_text(message_flushsa(IPPROTO_ESP), "FLUSHSA", "");
	check_text(message_migrate(), "MIGRATE", "");
	check_text(message_raw(77, NULL, 0), "other", "");
	check_text(message_raw(XFRM_MSG_DELSA, NULL, 0), "DELSA", ", malformed");
}

TEST(protocols_and_modes_have_names)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} protos[] = {{IPPROTO_ESP, "esp"},   {IPPROTO_AH, "ah"},
		      {IPPROTO_COMP, "comp"}, {IPPROTO_IPIP, "ipip"},
		      {IPPROTO_IPV6, "ipv6"}, {255, "other"}};
	static const struct {
		uint8_t mode;
		const char *name;
	} modes[] = {{XFRM_MODE_TRANSPORT, "transport"},
		     {XFRM_MODE_TUNNEL, "tunnel"},
		     {XFRM_MODE_BEET, "beet"},
		     {5, "iptfs"},
		     {255, "other"}};

	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		ck_assert_str_eq(sa_proto_name(protos[i].proto), protos[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		ck_assert_str_eq(sa_mode_name(modes[i].mode), modes[i].name);
}

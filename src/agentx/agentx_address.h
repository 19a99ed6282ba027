/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/*
 * Where an AgentX master listens, in the notation of snmpd.conf(5)'s agentXSocket:
 *
 *	/PATH, unix:PATH            a Unix socket
 *	tcp:HOST[:PORT], tcp:PORT   IPv4; the host defaults to localhost
 *	tcp6:[ADDRESS][:PORT], ...  IPv6
 *
 * The port defaults to 705 (RFC 2741, section 8.1.1). Names are not resolved here.
 */

#define AGENTX_ADDRESS_MAX 107 /* of a path; sun_path has one byte more */
#define AGENTX_HOST_MAX 253    /* of a host's name (RFC 1035) */

struct agentx_address {
	int family;                        /* AF_UNIX, AF_INET or AF_INET6 */
	char path[AGENTX_ADDRESS_MAX + 1]; /* of AF_UNIX */
	char host[AGENTX_HOST_MAX + 1];    /* of the others: a name or an address */
	char port[6];                      /* decimal */
	char text[AGENTX_HOST_MAX + 16];   /* the whole address, for messages */
};

/* Returns 0; or -EINVAL with the reason in error, of error_size bytes. */
int agentx_address_parse(const char *text, struct agentx_address *ret, char *error,
			 size_t error_size);

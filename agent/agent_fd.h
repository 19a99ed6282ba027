/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <errno.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

/* Calls back from the agent's select loop whenever fd is readable. Returns 0, or
 * -ENOSPC: the library's table, of NUM_EXTERNAL_FDS descriptors, is full. */
static inline int agent_fd_watch(int fd, void (*on_readable)(int fd, void *data),
				 void *data)
{
	return register_readfd(fd, on_readable, data) == FD_REGISTERED_OK ? 0 : -ENOSPC;
}

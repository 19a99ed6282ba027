/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agentx/agentx_address.h"

/*
 * The file of the Unix socket that the session is connected to. If snmpd hangs and
 * another one takes its place, the connection stays, and only another file at the path
 * shows it. One for the process.
 *
 * inotify reports what comes to the directory, so that nothing needs to be done while
 * nothing comes. A directory where much happens is looked at once in AGENTX_SOCKET_MS;
 * so is the path, if inotify cannot be used. Times are of CLOCK_MONOTONIC, in ms.
 */

#define AGENTX_SOCKET_MS 2000

/* Returns a descriptor that is readable when agentx_socket_read() must be called, or
 * -errno. Without it the path is looked at from time to time. */
int agentx_socket_open(void);
void agentx_socket_close(void);
void agentx_socket_read(uint64_t now);

/* A session has connected to the address. */
void agentx_socket_note(const struct agentx_address *address, uint64_t now);

/* When agentx_socket_look() is due; UINT64_MAX: not before something comes. */
uint64_t agentx_socket_next_look(void);

/* Return true if the path leads to another socket now. The former also waits for what
 * comes next. */
bool agentx_socket_look(uint64_t now);
bool agentx_socket_was_replaced(void);

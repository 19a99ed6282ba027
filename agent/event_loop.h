/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/*
 * Waits for the daemon's descriptors and for those of the SNMP library, with
 * epoll_wait(2). agent_check_and_process() would ask the kernel about each of them with
 * select(2), three times for each request, and would read requests however many come.
 * Here requests take at most a share of a processor; if there are more, the master's
 * socket is not read for a while. One for the process, as the agent is.
 */

/* Returns 0 or -errno. */
int event_loop_open(void);

/* The percentage of one processor that requests may use, on average. */
void event_loop_limit_requests(uint32_t percent);

/* Calls ready(ctx) in each round in which the descriptor has one of the events
 * (EPOLLIN, ...). Returns 0, -ENOSPC if there are too many, or another -errno. */
int event_loop_watch(int fd, uint32_t events, void (*ready)(void *ctx), void *ctx);

/* To be called before the descriptor is closed. */
void event_loop_forget(int fd);

/* Watches the library's descriptors. To be called when the library has opened one; one
 * that is closed needs no call. Returns 0 or -errno. */
int event_loop_follow_library(void);

/* A round: waits until a descriptor is ready, or until this time of CLOCK_MONOTONIC, in
 * ns, and does what is to be done for those that are. */
void event_loop_run(uint64_t until);

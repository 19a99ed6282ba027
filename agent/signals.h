/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* The signals of a daemon, taken in the agent's select loop, which they wake. */
struct signals {
	int fd;
	bool stop;   /* SIGTERM or SIGINT came */
	bool reload; /* SIGHUP came; whoever reloads clears it */
};

/* Blocks the signals and watches for them until signals_close(), which is needed after
 * an error too. Returns 0 or -errno. */
int signals_open(struct signals *signals);
void signals_close(struct signals *signals);

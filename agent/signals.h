/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_SIGNALS_H
#define QMIPSEC_SIGNALS_H

#include <stdbool.h>

/* SIGTERM and SIGINT end the daemon, SIGHUP reloads its configuration. They are taken
 * in the agent's select loop, which they wake. */

/* Blocks them, and watches for them from now on. Returns 0 or -errno. */
int signals_open(void);
void signals_close(void);

/* True from SIGTERM or SIGINT on. */
bool signals_stop(void);

/* True once after any number of SIGHUP. */
bool signals_take_reload(void);

#endif

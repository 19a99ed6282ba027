/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/*
 * The protocol of sd_notify(3), which is one datagram. libsystemd is not used: it and
 * the libraries that it loads would take a tenth of the daemon's memory. Under another
 * service manager nothing happens.
 */

/* Sends a state, such as "READY=1", to $NOTIFY_SOCKET. What cannot be sent within a
 * second is lost. */
void systemd_notify(const char *state);

/* Returns the unit's watchdog interval in microseconds ($WATCHDOG_USEC), 0 if it has
 * none or if another process is meant ($WATCHDOG_PID). */
uint64_t systemd_watchdog_usec(void);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Notifications for systemd. They do nothing under another service manager, or in a
 * build without libsystemd. See sd_notify(3). */

#include <stdint.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#else
#define sd_notify(unset_environment, state) ((void)(state))
#define sd_watchdog_enabled(unset_environment, ret_usec) (*(ret_usec) = 0)
#endif

static inline void systemd_notify(const char *state)
{
	sd_notify(0, state);
}

/* Returns the unit's watchdog interval in microseconds, 0 if it has none. */
static inline uint64_t systemd_watchdog_usec(void)
{
	uint64_t usec = 0;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}

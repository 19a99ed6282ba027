/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Notifies systemd, and does nothing where it is not the service manager or
 * libsystemd was not there to build with. See sd_notify(3).
 */

#include <stdint.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>

static inline void systemd_notify(const char *state)
{
	sd_notify(0, state);
}

/* The unit's watchdog interval in microseconds, 0: it has none. */
static inline uint64_t systemd_watchdog_usec(void)
{
	uint64_t usec = 0;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}
#else
static inline void systemd_notify(const char *state)
{
	(void)state;
}

static inline uint64_t systemd_watchdog_usec(void)
{
	return 0;
}
#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The daemon's state directory and PID file, which no second daemon may use. Logs what
 * cannot be locked, and which process has it. */

/* Locks both, before the daemon detaches from the terminal. NULL: none. The strings
 * must live until exclusive_release(). A state directory that cannot be locked for any
 * other reason than a second daemon is used, with a warning. Returns 0, or -errno with
 * nothing locked. */
int exclusive_claim(const char *state_dir, const char *pid_file);

/* Records the calling process as the holder of both, as is needed after fork(2).
 * Returns 0 or -errno. */
int exclusive_settle(void);

/* Removes the PID file and unlocks the directory. */
void exclusive_release(void);

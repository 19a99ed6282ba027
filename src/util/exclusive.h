/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a daemon has for itself: its state directory and its PID file. A second daemon
 * that wants either is told who has it. Logs what it cannot have. */

/*
 * Takes both, before the daemon leaves the terminal. A NULL path is not wanted; the
 * strings must live until exclusive_release(). A state directory that cannot be locked
 * is used all the same, with a warning. Returns 0 or -errno with nothing taken.
 */
int exclusive_claim(const char *state_dir, const char *pid_file);

/* Puts the calling process's id to them: a daemon has another after its fork(2).
 * Returns 0 or -errno. */
int exclusive_settle(void);

/* Removes the PID file and gives the directory free. */
void exclusive_release(void);

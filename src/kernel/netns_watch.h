/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * Tells when namespaces may have come to a directory or gone from it. The directory
 * need not be there yet. inotify tells of files and of the directory itself, but of no
 * mounts: "ip netns add" mounts a namespace on a file that is there already, others
 * unmount it long before they remove the file. Mounts are told by /proc/self/mountinfo.
 */
struct netns_watch;

/* Returns 0 or -errno; that the directory is not there is no error. */
int netns_watch_open(const char *dir, struct netns_watch **ret);
void netns_watch_close(struct netns_watch *watch);

/* Readable when files may have changed. */
int netns_watch_files_fd(const struct netns_watch *watch);

/* In an exceptional condition (POLLPRI) once after each change of mounts, which asking
 * for it ends. -1: there is no such file. */
int netns_watch_mounts_fd(const struct netns_watch *watch);

/* Takes what waits, and looks for the directory if it was not there. To be called when
 * either descriptor says so, and now and then besides: what is mounted over the
 * directory where mounts are not told would go unnoticed. */
void netns_watch_read(struct netns_watch *watch);

/* The directory that is watched now: dir, or the nearest above it that is there. */
const char *netns_watch_place(const struct netns_watch *watch);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reports that namespaces may have come to a directory or gone from it. The directory
 * need not exist yet. inotify reports files and the directory itself, but not mounts:
 * "ip netns add" mounts a namespace on an existing file, and other programs unmount it
 * long before they remove the file. /proc/self/mountinfo reports mounts.
 */
struct netns_watch;

/* Returns 0 or -errno; a directory that does not exist is no error. */
int netns_watch_open(const char *dir, struct netns_watch **ret);
void netns_watch_close(struct netns_watch *watch);

/* Returns a descriptor that is readable when files may have changed. */
int netns_watch_files_fd(const struct netns_watch *watch);

/* Returns a descriptor on which poll(2) reports POLLPRI once after each change of
 * mounts; -1: there is no such file. */
int netns_watch_mounts_fd(const struct netns_watch *watch);

/* Reads the waiting events, and watches the directory if it exists now. To be called
 * when either descriptor is ready, and from time to time: without mountinfo nothing
 * reports a file system that is mounted over the directory. */
void netns_watch_read(struct netns_watch *watch);

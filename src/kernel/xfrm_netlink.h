/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/kernel_opener.h"

/*
 * The netlink sockets of a network namespace, and its xfrm_stat. Needs CAP_NET_ADMIN in
 * the namespace's user namespace, at the opening (to join groups) and at every dump: a
 * descriptor opened with it is not enough.
 *
 * Joined are the groups SA, EXPIRE, POLICY and MIGRATE. Never ACQUIRE: a listener there
 * makes the kernel create larval SAs (net/xfrm/xfrm_state.c, xfrm_state_find). Never
 * AEVENTS: the kernel then sends a message every two packets.
 *
 * To open another namespace the thread goes there and back, for which it needs
 * CAP_SYS_ADMIN in its own and in that namespace's user namespace; if the way back
 * fails, the program ends.
 */
extern const struct kernel_opener xfrm_netlink_opener;

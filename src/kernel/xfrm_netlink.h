/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "kernel/kernel.h"

/*
 * The netlink sockets of a network namespace, and its xfrm_stat. They need
 * CAP_NET_ADMIN in the namespace's user namespace when they are opened, to join groups,
 * and again at every dump.
 *
 * The groups are SA, EXPIRE, POLICY and MIGRATE. ACQUIRE must not be joined: a listener
 * makes the kernel create larval SAs (net/xfrm/xfrm_state.c, xfrm_state_find). Nor must
 * AEVENTS: the kernel would send a message for every two packets.
 *
 * To open another namespace the thread moves there and back, for which it needs
 * CAP_SYS_ADMIN in the user namespaces of both. If it cannot move back, the program
 * aborts.
 */
extern const struct kernel_opener xfrm_netlink_opener;

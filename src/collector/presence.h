/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "collector/rows.h"
#include "collector/surroundings.h"
#include "instance/instance.h"

/*
 * Whether each instance is present now, and on which interface: its fields active,
 * if_index and the device_index of its rules.
 */

/* Looks up the interfaces that the rules name. Returns true if one has changed: which
 * SAs and connections belong to an instance may hang on it. */
bool presence_find_devices(struct instance_set *set, const struct surroundings *around);

/* The interface of each instance: that which a rule names, else the driver, else the
 * one with the local address of its sessions. */
void presence_find_interfaces(struct instance_set *set,
			      const struct surroundings *around);

/*
 * An instance is active if discovery has found it, or if a rule's device and local
 * address are there. Of a prefix the first address is looked up; a route to a part of
 * it is seen only by the active SAs of the row.
 */
void presence_refresh(struct rows *rows, struct surroundings *around);

/* No instance is there: the namespace is gone. */
void presence_clear(struct instance_set *set);

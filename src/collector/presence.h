/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "collector/rows.h"
#include "collector/surroundings.h"
#include "instance/instance.h"

/* Whether each instance is present, and on which interface: the fields active and
 * if_index, and the device_index of its rules. */

/* Looks up the interfaces that rules name. Returns true if one has changed, since other
 * SAs and connections may then belong to an instance. */
bool presence_find_devices(struct instance_set *set, const struct surroundings *around);

/* Sets each instance's interface: the one that a rule names, else the one that the
 * driver names, else the one with the local address of its sessions. */
void presence_find_interfaces(struct instance_set *set,
			      const struct surroundings *around);

/*
 * An instance is active if discovery has found it, or if the device and the local
 * address of a rule are present. Of a prefix, addresses on interfaces are compared, and
 * the route to its first address is looked up; a route to another part of the prefix
 * shows only in the active SAs of the row.
 */
void presence_refresh(struct rows *rows, struct surroundings *around);

/* The namespace is gone, and with it every HBA. */
void presence_clear(struct instance_set *set);

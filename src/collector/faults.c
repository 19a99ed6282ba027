/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/faults.h"

static const struct {
	const char *name;
	const char *effect;
} sources[] = {
    [SOURCE_SAS] = {"the kernel's SAs", "old numbers stand"},
    [SOURCE_EVENTS] = {"the kernel's events", "SAs are counted by polls alone"},
    [SOURCE_ADDRS] = {"the addresses", "the last list is used"},
    [SOURCE_POLICIES] = {"the policies", "SAs are attributed by the last list"},
    [SOURCE_LINKS] = {"the interfaces", "SAs are attributed by the last list"},
    [SOURCE_ROUTES] = {"the routes", "SAs are attributed by the last ones"},
    [SOURCE_LOCAL_ROUTES] = {"the local routes",
			     "addresses on no interface count as remote"},
    [SOURCE_INSTANCES] = {"the HBA instances", "rows may be missing"},
};

const char *source_name(enum source source)
{
	return sources[source].name;
}

const char *source_effect(enum source source)
{
	return sources[source].effect;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct source_text source_texts[SOURCE_COUNT] = {
    [SOURCE_SAS] = {"the kernel's SAs", "the last numbers are served"},
    [SOURCE_EVENTS] = {"the kernel's events", "SAs are counted by polls alone"},
    [SOURCE_ADDRS] = {"the addresses", "the last list is used"},
    [SOURCE_POLICIES] = {"the policies", "SAs are attributed by the last list"},
    [SOURCE_LINKS] = {"the interfaces", "SAs are attributed by the last list"},
    [SOURCE_ROUTES] = {"the routes", "SAs are attributed by the last ones"},
    [SOURCE_LOCAL_ROUTES] = {"the local routes",
			     "addresses on no interface count as remote"},
    [SOURCE_INSTANCES] = {"the HBA instances", "rows may be missing"},
};

void faults_note(struct faults *faults, enum source source, int err)
{
	faults->errors[source] = err;
	if (err)
		faults_say(faults, "reading %s: %s", source_texts[source].name,
			   strerror(-err));
}

void faults_say(struct faults *faults, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(faults->last, sizeof(faults->last), format, args);
	va_end(args);
}

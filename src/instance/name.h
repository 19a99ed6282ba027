/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/parser.h"

/* The names that an instance may have. Its name is the index of its row. Pure. */

#define INSTANCE_NAME_MAX 64 /* bytes, as in the MIB: an OID has at most 128 parts */
#define INSTANCE_UNATTRIBUTED "unattributed"

/*
 * True if a row may have that name: 1 to INSTANCE_NAME_MAX printable ASCII characters
 * other than " and \. Net-SNMP's tools take an index in double quotes, end it at the
 * next one and drop backslashes, so that neither can be requested.
 */
bool instance_name_is_valid(const char *name);

/*
 * Makes a valid name, or a part of one, from any text; size (at least 16) includes the
 * terminating 0. A text of valid characters that fits is copied. In any other text each
 * invalid byte becomes '_', and the end becomes "~" and eight hexadecimal digits: the
 * FNV-1a hash of the whole text. The result depends on the text alone, and two texts
 * have one result only if their hashes are equal. For this reason a text that already
 * ends in "~" and eight digits is hashed as well: do not pass a result in again.
 */
void instance_name_fit(char *to, size_t size, const char *text);

/*
 * Replaces a character that separates parts of a name wherever it occurs within a part,
 * by a control character, which instance_name_fit() turns into '_' and a hash. Clean
 * text has no control characters, so no other part can become the same.
 */
void instance_name_mask(char *part, char separator);

/* Checks a name from the configuration. Returns 0, or -EINVAL with the reason in the
 * parser's error. */
int instance_name_check(struct parser *parser, const char *name);

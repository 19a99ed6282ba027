/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/parser.h"

/* What an instance may be called. Its name is the index of its row. Pure. */

#define INSTANCE_NAME_MAX 64 /* bytes; the MIB's, so that an OID fits in 128 parts */
#define INSTANCE_UNATTRIBUTED "unattributed"

/*
 * True if it can be a row's name: 1 to INSTANCE_NAME_MAX printable ASCII characters
 * other than " and \. Net-SNMP's tools take an index in double quotes, end it at the
 * next one and drop backslashes, so that neither can be requested.
 */
bool instance_name_is_valid(const char *name);

/*
 * Writes to to, of size bytes (at least 16) with the terminating 0, a valid name or
 * part of one that is made from any text. A text of such characters that fits stays as
 * it is. In any other, each other byte becomes '_', and the end becomes "~" and eight
 * hexadecimal digits, the FNV-1a hash of the whole text. The result depends on the text
 * alone, and two texts have one result only if their hashes are equal. Therefore a text
 * that already ends like that gets a hash as well: do not pass a result in again.
 */
void instance_name_fit(char *to, size_t size, const char *text);

/*
 * Replaces a character that separates parts of names, where it occurs within a part:
 * by a control character, of which instance_name_fit() makes '_' and a hash. Clean text
 * has no control characters, so that no other part becomes the same.
 */
void instance_name_mask(char *part, char separator);

/* Checks a name that the configuration gives. Returns 0, or -EINVAL with the reason in
 * the parser's error. */
int instance_name_check(struct parser *parser, const char *name);

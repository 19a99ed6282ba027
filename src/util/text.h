/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Text from outside (sysfs, the configuration, file names) made safe to show: valid
 * UTF-8 (RFC 3629) without characters that control a terminal, end a line or change the
 * direction of writing. Independent of the locale.
 */

/* The most bytes that one byte of the original becomes: "\xE9". */
#define TEXT_GROWTH 4

/* Returns the length in bytes of the character at the start of text, of which len bytes
 * can be read; 0 if it may not be shown: an ill-formed sequence, a control character
 * (C0, DEL, C1), a line or paragraph separator, a bidirectional control, an interlinear
 * annotation, a byte order mark or a noncharacter. */
size_t text_char(const char *text, size_t len);

/* Returns true if all of it may be shown. */
bool text_is_clean(const char *text);

/* Copies text with "\xHH" in place of each byte that may not be shown. A backslash that
 * looks like the start of such an escape becomes "\x5c", so different texts stay
 * different. The copy has at most size bytes with the terminating 0, and is cut between
 * two characters. */
void text_clean(char *to, size_t size, const char *text);

/* Ends text before the first byte that may not be shown, such as a character that
 * snprintf() has cut. */
void text_trim(char *text);

/* Compares two strings as SNMP orders them in an index, unless they are IMPLIED: by
 * length, then by characters. Returns a value below, at or above 0. */
int text_compare_index(const char *a, const char *b);

/* The least number of characters to insert, remove or replace that makes one word the
 * other, in ASCII letters of either case; SIZE_MAX if a word is longer than 32 bytes.
 */
size_t text_distance(const char *one, const char *other);

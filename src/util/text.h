/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Text from outside (sysfs, the configuration, file names) made safe to show anywhere:
 * valid UTF-8 (RFC 3629) of characters that neither control a terminal nor end a line
 * nor change the direction of what follows. Pure, and independent of the locale.
 */

/* Bytes that one byte of the original takes at most: "\xE9". */
#define TEXT_GROWTH 4

/*
 * The length in bytes of the character at the start of text, of which len bytes can be
 * read. 0: there is none that may be shown: an ill-formed sequence, a control character
 * (C0, DEL, C1), a line or paragraph separator, a bidirectional control, an
 * interlinear annotation, a byte order mark or a noncharacter.
 */
size_t text_char(const char *text, size_t len);

/* True if all of it may be shown as it is. */
bool text_is_clean(const char *text);

/*
 * Copies text, and writes each byte of it that may not be shown as "\xHH". A backslash
 * that looks like the start of such an escape becomes "\x5c", so that different texts
 * stay different. What has no room in size bytes, with the terminating 0, is cut off
 * between two characters.
 */
void text_clean(char *to, size_t size, const char *text);

/* Ends text before the first byte that may not be shown: where clean text has been cut
 * in the middle of a character, as snprintf() does. */
void text_trim(char *text);

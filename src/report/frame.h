/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/rates.h"

/* One frame of the live view. Pure. */

struct frame {
	unsigned width;  /* of a line, in characters */
	unsigned height; /* lines; 0: as many as there are */
	bool padded;     /* each line with spaces, to the whole width */
	bool colour;
	const char *title;   /* the first line */
	const char *message; /* the last line; "": none */
	uint64_t now;        /* ns of CLOCK_MONOTONIC */
};

/* Writes the instances, and then the peers, as many of each as there is room for. Each
 * line ends with a newline. The caller checks the stream for errors. */
void frame_write(FILE *stream, const struct frame *frame, const struct rates *rates);

/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collector/state.h"

/* Makes an image and writes it at once. Arguments and errors are those of both. */
static inline int state_save(const char *dir, const char *netns,
			     const struct state_id *id, const struct rows *rows,
			     uint64_t last_at)
{
	struct state_image image;
	int err = state_image_make(&image, netns, id, rows, last_at);

	if (!err)
		err = state_image_write(&image, dir);
	state_image_free(&image);
	return err;
}

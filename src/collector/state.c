/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/safe_file.h"

#define STATE_FILE "qmipsecd"
#define STATE_SUFFIX ".state"

static const char state_magic[8] = "qmipsec";

enum {
	STATE_VERSION = 9,
	/* Enough for 65,535 rows and a million SAs. */
	STATE_BODY_MAX = 256 * 1024 * 1024,
};

struct state_header {
	char magic[8];
	uint32_t version;
	/* of the build that wrote it: of this struct, and of those in the body */
	uint32_t header_size;
	uint32_t sizes[STATE_BODY_STRUCTS];
	struct state_id id;
	uint64_t last_at; /* as state_save() takes it */
	uint64_t body_size;
	uint64_t checksum; /* of everything else, header and body */
};

/* FNV-1a. It detects accidents, not attacks: who can write the file can write any
 * state.
 */
static uint64_t add_to_sum(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *at = data;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t checksum(const struct state_header *header, const char *body,
			 size_t size)
{
	struct state_header blank;
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	memcpy(&blank, header, sizeof(blank)); /* including its padding */
	blank.checksum = 0;
	sum = add_to_sum(sum, &blank, sizeof(blank));
	return add_to_sum(sum, body, size);
}

int state_id_read_boot(struct state_id *id)
{
	FILE *stream = fopen("/proc/sys/kernel/random/boot_id", "re");
	int n;

	if (!stream)
		return -errno;
	n = fscanf(stream, "%39s", id->boot_id);
	fclose(stream);
	return n == 1 ? 0 : -EIO;
}

static int make_body(const struct rows *rows, char **ret_body, size_t *ret_size)
{
	FILE *stream = open_memstream(ret_body, ret_size);
	int err;

	if (!stream)
		return -errno;
	err = state_body_save(rows, stream);
	/* a stream in memory can only fail for lack of memory */
	if ((fclose(stream) && !err) || err == -EIO)
		err = -ENOMEM;
	return err;
}

void state_file_name(char name[STATE_NAME_MAX + 1], const char *netns)
{
	char fitted[INSTANCE_NAME_MAX + 1];

	instance_name_fit(fitted, sizeof(fitted), netns);
	snprintf(name, STATE_NAME_MAX + 1, "%s%s%s%s", STATE_FILE, *netns ? "." : "",
		 fitted, STATE_SUFFIX);
}

int state_image_make(struct state_image *ret, const char *netns,
		     const struct state_id *id, const struct rows *rows,
		     uint64_t last_at)
{
	int err;

	*ret = (struct state_image){.id = *id, .last_at = last_at};
	state_file_name(ret->file, netns);
	err = make_body(rows, &ret->body, &ret->size);
	if (!err && ret->size > STATE_BODY_MAX)
		err = -EFBIG;
	if (err)
		state_image_free(ret);
	return err;
}

static struct state_header make_header(const struct state_image *image)
{
	struct state_header header;

	memset(&header, 0, sizeof(header)); /* its padding is written, too */
	memcpy(header.magic, state_magic, sizeof(header.magic));
	header.version = STATE_VERSION;
	header.header_size = sizeof(header);
	memcpy(header.sizes, state_body_sizes, sizeof(header.sizes));
	header.id = image->id;
	header.last_at = image->last_at;
	header.body_size = image->size;
	header.checksum = checksum(&header, image->body, image->size);
	return header;
}

int state_image_write(const struct state_image *image, const char *dir)
{
	struct state_header header = make_header(image);
	const struct iovec parts[] = {{&header, sizeof(header)},
				      {image->body, image->size}};

	return safe_file_replace(dir, image->file, parts, 2);
}

void state_image_free(struct state_image *image)
{
	free(image->body);
	image->body = NULL;
}

static int check_header(const struct state_header *header, const struct state_id *id,
			const char *body, size_t size)
{
	if (memcmp(header->magic, state_magic, sizeof(state_magic)) != 0 ||
	    header->version != STATE_VERSION ||
	    header->header_size != sizeof(*header) ||
	    memcmp(header->sizes, state_body_sizes, sizeof(header->sizes)) != 0 ||
	    header->body_size != size ||
	    header->checksum != checksum(header, body, size))
		return -EBADMSG;
	if (strncmp(header->id.boot_id, id->boot_id, sizeof(id->boot_id)) != 0 ||
	    header->id.netns_cookie != id->netns_cookie)
		return -ESTALE;
	return 0;
}

static int load_body(char *body, size_t size, struct rows *rows, uint64_t now)
{
	FILE *stream = fmemopen(body, size, "r");
	int err;

	if (!stream)
		return -errno;
	setvbuf(stream, NULL, _IONBF, 0); /* needs no memory */
	err = state_body_load(rows, now, stream);
	if (!err && fgetc(stream) != EOF)
		err = -EBADMSG;
	fclose(stream);
	return err;
}

int state_load(const char *dir, const char *netns, const struct state_id *id,
	       struct rows *rows, uint64_t now, uint64_t *ret_last_at)
{
	struct state_header header;
	char name[STATE_NAME_MAX + 1];
	char *data = NULL;
	size_t size = 0;
	int err;

	state_file_name(name, netns);
	err = safe_file_read(dir, name, sizeof(header), sizeof(header) + STATE_BODY_MAX,
			     &data, &size);
	if (err)
		return err;
	memcpy(&header, data, sizeof(header));
	size -= sizeof(header);
	err = check_header(&header, id, data + sizeof(header), size);
	if (!err)
		err = load_body(data + sizeof(header), size, rows, now);
	if (!err)
		*ret_last_at = header.last_at;
	free(data);
	return err;
}

void state_remove_unwanted(const char *dir, bool (*wanted)(void *ctx, const char *file),
			   void *ctx)
{
	DIR *stream = opendir(dir);
	int fd = stream ? dirfd(stream) : -1;
	const struct dirent *entry;

	while (fd >= 0 && (entry = readdir(stream))) {
		const char *file = entry->d_name;
		bool of_other = !fnmatch(STATE_FILE ".?*" STATE_SUFFIX, file, 0);
		bool left_over =
		    !strcmp(file, STATE_FILE STATE_SUFFIX SAFE_FILE_TEMPORARY) ||
		    !fnmatch(STATE_FILE ".*" STATE_SUFFIX SAFE_FILE_TEMPORARY, file, 0);

		if (left_over || (of_other && !wanted(ctx, file)))
			unlinkat(fd, file, 0);
	}
	if (stream)
		closedir(stream);
}

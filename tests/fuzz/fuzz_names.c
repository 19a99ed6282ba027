/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input is a number of texts, each ended by a byte 0: names of namespaces, as the
 * configuration and a directory have them, names that instances are made of, and other
 * text from outside.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/state.h"
#include "instance/name.h"
#include "kernel/netns.h"
#include "ledger/peer.h"
#include "tests/unit/tree.h"
#include "util/prefix.h"
#include "util/text.h"

enum {
	TEXTS = 8,
	ERROR_SIZE = 128, /* short, so that some are cut */
};

/* Any text becomes clean. One that is clean, and has no backslash, stays. */
static void check_text(const char *text)
{
	size_t size = strlen(text) * TEXT_GROWTH + 1;
	char *clean = malloc(size);
	char cut[16];

	HOLDS(clean != NULL);
	text_clean(clean, size, text);
	HOLDS(text_is_clean(clean));
	HOLDS(strchr(text, '\\') || text_is_clean(text) == !strcmp(text, clean));
	text_clean(cut, sizeof(cut), text);
	HOLDS(text_is_clean(cut) && !strncmp(cut, clean, strlen(cut)));
	HOLDS(strlen(clean) >= sizeof(cut) || !strcmp(cut, clean));
	strcpy(clean, text);
	text_trim(clean);
	HOLDS(text_is_clean(clean) && !strncmp(clean, text, strlen(clean)));
	free(clean);
}

/* True if it ends in "~" and eight hexadecimal digits. */
static bool has_hash(const char *name)
{
	size_t len = strlen(name);

	return len >= 9 && name[len - 9] == '~' &&
	       strspn(name + len - 8, "0123456789abcdef") == 8;
}

static void check_instance_name(const char *text)
{
	char name[INSTANCE_NAME_MAX + 1];
	char *part = strdup(text);

	HOLDS(part != NULL);
	instance_name_fit(name, sizeof(name), text);
	HOLDS(instance_name_is_valid(name) || !*text);
	HOLDS(instance_name_is_valid(text) || strcmp(name, text) != 0 || !*text);
	HOLDS(!strcmp(name, text) || has_hash(name));
	instance_name_mask(part, ':');
	HOLDS(!strchr(part, ':'));
	free(part);
}

static void check_netns(struct netns_list *list, const char *text)
{
	char file[STATE_NAME_MAX + 1];
	char error[ERROR_SIZE] = "";
	size_t n = list->n;
	int err = netns_list_add_line(list, text, error, sizeof(error));

	HOLDS(err == 0 || (err == -EINVAL && *error && list->n == n));
	HOLDS(text_is_clean(error));
	for (size_t i = 0; i < list->n; i++) {
		HOLDS(netns_name_is_valid(list->names[i]));
		HOLDS(netns_list_names(list, list->names[i]));
	}
	state_file_name(file, text);
	HOLDS(!strchr(file, '/') || strchr(text, '/'));
}

/* What inet_ntop(3) and peer_name() write is read as the same prefix again. */
static void check_prefix(const char *text)
{
	struct prefix prefix, again;
	char name[PEER_NAME_MAX + 1];

	if (prefix_parse(text, &prefix))
		return;
	HOLDS(prefix.family == AF_INET || prefix.family == AF_INET6);
	HOLDS(prefix.len <= (prefix.family == AF_INET ? 32 : 128));
	HOLDS(prefix_matches(&prefix, prefix.family, &prefix.addr));
	peer_name(&prefix, name);
	HOLDS(!prefix_parse(name, &again) && peer_equals(&prefix, &again));
}

static void check_pair(const char *one, const char *other)
{
	int order = text_compare_index(one, other);
	size_t distance = text_distance(one, other);

	HOLDS((order == 0) == !strcmp(one, other));
	HOLDS((order < 0) == (text_compare_index(other, one) > 0));
	HOLDS(distance == text_distance(other, one));
	HOLDS(distance || !strcasecmp(one, other));
}

/* The names are those of files, where they can be. */
struct listing {
	const struct tree *tree;
	size_t n;
};

static void found(void *ctx, const char *name)
{
	struct listing *listing = ctx;
	struct netns_id id;
	int err = netns_identify(listing->tree->root, name, &id);

	HOLDS(err < 0); /* they are plain files */
	listing->n++;
}

static void check_directory(char *const texts[], size_t n)
{
	struct tree tree;
	struct listing listing = {&tree, 0};

	tree_make(&tree);
	for (size_t i = 0; i < n; i++)
		if (netns_name_is_valid(texts[i]))
			tree_text(&tree, texts[i], "");
	HOLDS(netns_list_dir(tree.root, found, &listing) == 0);
	HOLDS(listing.n <= n);
	tree_remove(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};
	struct netns_list list = {.n = 0};
	char *texts[TEXTS];
	size_t n = 0;

	while (n < TEXTS && bytes.left)
		texts[n++] = take_text(&bytes);
	for (size_t i = 0; i < n; i++) {
		check_text(texts[i]);
		check_instance_name(texts[i]);
		check_netns(&list, texts[i]);
		check_prefix(texts[i]);
		for (size_t k = 0; k < n; k++)
			check_pair(texts[i], texts[k]);
	}
	if (size % 8 == 0) /* since a directory takes long */
		check_directory(texts, n);
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	netns_list_free(&list);
	return 0;
}

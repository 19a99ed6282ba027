/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a state file contains. Declared in state.h. */
#include "collector/state.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

struct saved_head {
	uint64_t n_rows;
	uint64_t n_peers;
	uint64_t n_sas;
	struct error_columns errors;
};

#define SIZE_OF_INSTANCE(field) sizeof(((struct instance *)NULL)->field)

/* All zeros: the number was free. */
struct saved_row {
	char name[SIZE_OF_INSTANCE(name)];
	char found[SIZE_OF_INSTANCE(found)];
	char found_descr[SIZE_OF_INSTANCE(found_descr)];
	char transport[SIZE_OF_INSTANCE(transport)];
	char initiator_name[SIZE_OF_INSTANCE(initiator_name)];
	uint64_t gone_at;
	struct ledger_account other;
	struct row row;
};

/* A counter of xfrm_stat. */
struct saved_counter {
	struct xfrm_counter total;
	uint64_t last;
};

const uint32_t state_body_sizes[STATE_BODY_STRUCTS] = {
    sizeof(struct saved_head),     sizeof(struct saved_row),
    sizeof(struct ledger_account), sizeof(struct ledger_sa),
    sizeof(struct saved_counter),
};

/* The texts that are saved: their offsets and their size, the same in both structs. */
struct saved_text {
	size_t saved;
	size_t live;
	size_t size;
};

#define TEXT(field)                                                           \
	{offsetof(struct saved_row, field), offsetof(struct instance, field), \
	 SIZE_OF_INSTANCE(field)}

static const struct saved_text texts[] = {
    TEXT(name), TEXT(found), TEXT(found_descr), TEXT(transport), TEXT(initiator_name),
};

enum {
	N_TEXTS = sizeof(texts) / sizeof(*texts),
};

static int write_all(FILE *stream, const void *data, size_t size)
{
	return fwrite(data, size, 1, stream) == 1 ? 0 : -EIO;
}

static int read_all(FILE *stream, void *data, size_t size)
{
	return fread(data, size, 1, stream) == 1 ? 0 : -EBADMSG;
}

static bool head_is_sane(const struct saved_head *head)
{
	return head->n_rows > 0 && head->n_rows <= LEDGER_MAX_ROWS &&
	       head->n_peers <= PEERS_MOST &&
	       head->errors.base.bad_spi <= head->errors.counts.bad_spi &&
	       head->errors.base.not_decrypted <= head->errors.counts.not_decrypted;
}

/* Rows. */

/* Copies a text without the rest of a longer one behind its end. */
static void fill_row(const struct rows *rows, size_t number, struct saved_row *saved)
{
	const struct instance *instance = &rows->set->instances[number];

	for (size_t i = 0; i < N_TEXTS; i++) {
		const char *text = (const char *)instance + texts[i].live;

		memcpy((char *)saved + texts[i].saved, text, strlen(text));
	}
	saved->gone_at = instance->gone_at;
	saved->other = ledger_copy_other(rows->ledger, (unsigned)number);
	saved->row = rows->rows[number];
}

static int save_rows(const struct rows *rows, FILE *stream)
{
	int err = 0;

	for (size_t i = 0; i < rows->n && !err; i++) {
		struct saved_row saved;

		memset(&saved, 0, sizeof(saved)); /* the padding is written, too */
		if (rows_has(rows, i))
			fill_row(rows, i, &saved);
		err = write_all(stream, &saved, sizeof(saved));
	}
	return err;
}

/* True for clean text with zeros from its end on. */
static bool is_text(const char *text, size_t size)
{
	static const char zeros[INSTANCE_TEXT_MAX + 1];
	size_t len = strnlen(text, size);

	return len < size && !memcmp(text + len, zeros, size - len) &&
	       text_is_clean(text);
}

/* True for a discovered name that no other row has. */
static bool is_own_found(const struct instance_set *set, const char *found)
{
	return instance_name_is_valid(found) &&
	       strcmp(found, INSTANCE_UNATTRIBUTED) != 0 &&
	       instance_set_find_discovered(set, found) < 0;
}

static bool account_is_sane(const struct ledger_account *saved, uint64_t now)
{
	return saved->last_change <= now && saved->empty_since <= now &&
	       saved->discontinuity <= now;
}

/* Accepts only what a daemon can have saved, so that the next file is valid, too. */
static bool row_is_sane(const struct rows *rows, const struct saved_row *saved,
			bool first, uint64_t now)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		if (!is_text((const char *)saved + texts[i].saved, texts[i].size))
			return false;
	return instance_name_is_valid(saved->name) &&
	       first == !strcmp(saved->name, INSTANCE_UNATTRIBUTED) &&
	       (!saved->found[0] ||
		(!first && is_own_found(rows->set, saved->found))) &&
	       saved->gone_at <= now && saved->row.discontinuity <= now &&
	       account_is_sane(&saved->other, now);
}

/* Restores what is known of an HBA that may be gone. */
static void load_identity(struct instance *instance, const struct saved_row *saved)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		memcpy((char *)instance + texts[i].live,
		       (const char *)saved + texts[i].saved, texts[i].size);
	instance->gone_at = saved->gone_at;
}

#define NO_ROW UINT_MAX

/* The bytes of a saved row are all 0. */
static bool is_blank(const void *row)
{
	static const char blank[sizeof(struct saved_row)];

	return !memcmp(row, blank, sizeof(blank));
}

/* *ret_number: the row's number now, or NO_ROW. Returns 0 or -errno. */
static int load_row(struct rows *rows, uint64_t now, FILE *stream, bool first,
		    unsigned *ret_number)
{
	struct saved_row saved;
	int number;
	int err = read_all(stream, &saved, sizeof(saved));

	*ret_number = NO_ROW;
	if (err || (!first && is_blank(&saved)))
		return err;
	if (!row_is_sane(rows, &saved, first, now))
		return -EBADMSG;
	number = instance_set_add(rows->set, saved.name);
	if (number < 0)
		return number == -EINVAL ? -EBADMSG : number;
	err = rows_begin(rows, now);
	saved.other.row = (uint32_t)number;
	if (!err)
		err = ledger_restore_other(rows->ledger, &saved.other);
	if (err)
		return err == -EINVAL ? -EBADMSG : err;
	load_identity(&rows->set->instances[number], &saved);
	rows->rows[number] = saved.row;
	*ret_number = (unsigned)number;
	return 0;
}

static bool is_listed(const unsigned *numbers, size_t n, unsigned number)
{
	for (size_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* numbers: gets the number of each saved row now. */
static int load_rows(struct rows *rows, uint64_t now, FILE *stream, unsigned *numbers,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = load_row(rows, now, stream, i == 0, &numbers[i]);

		if (err)
			return err;
		if (numbers[i] != NO_ROW && is_listed(numbers, i, numbers[i]))
			return -EBADMSG;
	}
	return 0;
}

/* Applies the renames, which may differ from those of the daemon that saved. An
 * instance that has lost its name to another, and was not saved, is removed. */
static int rename_loaded(struct rows *rows, uint64_t now, const unsigned *numbers,
			 size_t n)
{
	struct instance_set *set = rows->set;
	int err = instance_set_apply_renames(set);

	for (unsigned i = 1; i < set->n && !err; i++) {
		const struct instance *instance = &set->instances[i];

		if (instance->renamed && !instance->configured && !instance->found[0] &&
		    !is_listed(numbers, n, i))
			instance_set_remove(set, i);
	}
	return err ? err : rows_begin(rows, now);
}

/* Peers and SAs. */

static int save_array(FILE *stream, const void *array, size_t n, size_t size)
{
	return !n || fwrite(array, size, n, stream) == n ? 0 : -EIO;
}

static int save_ledger(struct ledger *ledger, FILE *stream,
		       const struct saved_head *head)
{
	size_t n_peers = (size_t)head->n_peers;
	size_t n_sas = (size_t)head->n_sas;
	struct ledger_account *peers = malloc((n_peers ? n_peers : 1) * sizeof(*peers));
	struct ledger_sa *sas = malloc((n_sas ? n_sas : 1) * sizeof(*sas));
	int err = -ENOMEM;

	if (peers && sas) {
		ledger_copy_peers(ledger, peers);
		ledger_copy_sas(ledger, sas);
		err = save_array(stream, peers, n_peers, sizeof(*peers));
	}
	if (!err)
		err = save_array(stream, sas, n_sas, sizeof(*sas));
	free(peers);
	free(sas);
	return err;
}

/* What the saved numbers mean now. */
struct loaded {
	unsigned *rows; /* NO_ROW: it was not in use */
	size_t n_rows;
	struct account **peers;
	size_t n_peers;
};

static bool has_row(const struct loaded *loaded, uint32_t row)
{
	return row < loaded->n_rows && loaded->rows[row] != NO_ROW;
}

static int load_peer(struct ledger *ledger, uint64_t now, FILE *stream,
		     struct loaded *loaded)
{
	struct ledger_account saved;
	int err = read_all(stream, &saved, sizeof(saved));

	if (err)
		return err;
	if (!has_row(loaded, saved.row) || !account_is_sane(&saved, now))
		return -EBADMSG;
	saved.row = loaded->rows[saved.row];
	err = ledger_restore_peer(ledger, &saved, &loaded->peers[loaded->n_peers]);
	loaded->n_peers += !err;
	return err == -EINVAL ? -EBADMSG : err;
}

static int load_sa(struct ledger *ledger, FILE *stream, const struct loaded *loaded)
{
	struct account *peer = NULL;
	struct ledger_sa saved;
	int err = read_all(stream, &saved, sizeof(saved));

	if (err)
		return err;
	if (!has_row(loaded, saved.row) ||
	    (saved.peer >= loaded->n_peers && saved.peer != LEDGER_NO_PEER))
		return -EBADMSG;
	if (saved.peer != LEDGER_NO_PEER)
		peer = loaded->peers[saved.peer];
	saved.row = loaded->rows[saved.row];
	err = ledger_restore_sa(ledger, &saved, peer);
	return err == -EINVAL ? -EBADMSG : err;
}

static int load_ledger(struct ledger *ledger, uint64_t now, FILE *stream,
		       const struct saved_head *head, struct loaded *loaded)
{
	int err = 0;

	for (uint64_t i = 0; i < head->n_peers && !err; i++)
		err = load_peer(ledger, now, stream, loaded);
	for (uint64_t i = 0; i < head->n_sas && !err; i++)
		err = load_sa(ledger, stream, loaded);
	if (!err && !ledger_is_complete(ledger))
		err = -EBADMSG;
	if (!err)
		ledger_regroup_peers(ledger);
	return err;
}

/* True if each row has noted no more losses than its SAs had. */
static bool losses_are_sane(const struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		if (rows->rows[i].losses > rows_totals(rows, i)->losses)
			return false;
	return true;
}

/* Counters of xfrm_stat. */

static int save_counters(const struct xfrm_totals *xfrm, FILE *stream)
{
	uint64_t n = xfrm->totals.n;
	int err = write_all(stream, &n, sizeof(n));

	for (size_t i = 0; i < n && !err; i++) {
		struct saved_counter saved = {xfrm->totals.counters[i], xfrm->last[i]};

		err = write_all(stream, &saved, sizeof(saved));
	}
	return err;
}

static int load_counters(struct xfrm_totals *xfrm, FILE *stream)
{
	struct xfrm_stat *totals = &xfrm->totals;
	uint64_t n;
	int err = read_all(stream, &n, sizeof(n));

	if (!err && n > XFRM_STAT_MAX)
		err = -EBADMSG;
	totals->n = 0;
	for (uint64_t i = 0; !err && i < n; i++) {
		struct saved_counter saved;

		err = read_all(stream, &saved, sizeof(saved));
		if (!err && (!xfrm_counter_is_valid(&saved.total) ||
			     xfrm_stat_find(totals, saved.total.name)))
			err = -EBADMSG;
		if (!err)
			xfrm_totals_add(xfrm, &saved.total, saved.last);
	}
	return err;
}

/* The whole body. */

int state_body_save(const struct rows *rows, FILE *stream)
{
	struct saved_head head = {
	    .n_rows = rows->n,
	    .n_peers = ledger_count_peers(rows->ledger),
	    .n_sas = ledger_count_sas(rows->ledger),
	    .errors = rows->errors,
	};
	int err = write_all(stream, &head, sizeof(head));

	if (!err)
		err = save_rows(rows, stream);
	if (!err)
		err = save_ledger(rows->ledger, stream, &head);
	return err ? err : save_counters(&rows->xfrm, stream);
}

static int load_all(struct rows *rows, uint64_t now, FILE *stream,
		    const struct saved_head *head, struct loaded *loaded)
{
	int err = load_rows(rows, now, stream, loaded->rows, loaded->n_rows);

	if (!err)
		err = load_ledger(rows->ledger, now, stream, head, loaded);
	if (!err && !losses_are_sane(rows))
		err = -EBADMSG;
	if (!err)
		err = load_counters(&rows->xfrm, stream);
	if (!err)
		err = rename_loaded(rows, now, loaded->rows, loaded->n_rows);
	return err;
}

int state_body_load(struct rows *rows, uint64_t now, FILE *stream)
{
	struct saved_head head;
	struct loaded loaded = {.n_peers = 0};
	int err = read_all(stream, &head, sizeof(head));

	if (err)
		return err;
	if (!head_is_sane(&head))
		return -EBADMSG;
	loaded.n_rows = (size_t)head.n_rows; /* at most LEDGER_MAX_ROWS */
	loaded.rows = calloc(loaded.n_rows, sizeof(*loaded.rows));
	loaded.peers = calloc((size_t)head.n_peers + 1, sizeof(struct account *));
	err = loaded.rows && loaded.peers ? load_all(rows, now, stream, &head, &loaded)
					  : -ENOMEM;
	free(loaded.rows);
	free(loaded.peers);
	if (!err)
		rows->errors = head.errors;
	return err;
}

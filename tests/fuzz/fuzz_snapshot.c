/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz_snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/state.h"
#include "fuzz.h"
#include "report/report.h"
#include "util/text.h"

struct collector *make_collector(struct fake_kernel *kernel,
				 struct collector_options *options,
				 struct instance_set *set, struct peer_config *peers)
{
	struct collector *made;

	options->peers = peers;
	made = collector_new(&fake_kernel_ops, kernel, options, set);
	HOLDS(made != NULL);
	instance_set_free(set);
	peer_config_free(peers);
	return made;
}

static void check_stats(const struct stats *stats)
{
	HOLDS(stats->active_sa == stats->key_additions - stats->key_deletions);
	HOLDS(stats->confidential_bytes_sent + stats->authenticated_bytes_sent ==
	      stats->transport_bytes_sent + stats->tunnel_bytes_sent);
	HOLDS(stats->confidential_bytes_received +
		  stats->authenticated_bytes_received ==
	      stats->transport_bytes_received + stats->tunnel_bytes_received);
}

static bool is_of_namespace(const struct stat_column *column)
{
	return column->id == STAT_ID_bad_spi_packets ||
	       column->id == STAT_ID_packets_not_decrypted;
}

/* The row's peers, `other` included, add up to it. */
static void check_sum(const struct snapshot *snapshot, const struct snapshot_row *row)
{
	struct totals sum = {.losses = 0};

	if (!row->n_peers)
		return; /* peers are not served */
	HOLDS(row->first_peer + row->n_peers <= snapshot->n_peers);
	for (size_t i = 0; i < row->n_peers; i++) {
		const struct snapshot_peer *peer =
		    &snapshot->peers[row->first_peer + i];

		HOLDS(!strcmp(peer->instance, row->name));
		HOLDS(i == 0 || text_compare_index((peer - 1)->name, peer->name) < 0);
		HOLDS(text_is_clean(peer->label) && *peer->label);
		check_stats(&peer->totals.stats);
		totals_merge(&sum, &peer->totals);
	}
	for (size_t i = 0; i < STAT_COUNT; i++)
		HOLDS(is_of_namespace(&stat_columns[i]) ||
		      stats_get(&sum.stats, &stat_columns[i]) ==
			  stats_get(&row->stats, &stat_columns[i]));
	HOLDS(sum.packets_sent == row->packets_sent &&
	      sum.packets_received == row->packets_received &&
	      sum.replay_failures == row->replay_failures);
}

static void check_row(const struct snapshot *snapshot, size_t number)
{
	const struct snapshot_row *row = &snapshot->rows[number];

	HOLDS(instance_name_is_valid(row->name));
	HOLDS(number == 0 || text_compare_index((row - 1)->name, row->name) < 0);
	HOLDS(text_is_clean(row->descr) && text_is_clean(row->transport));
	HOLDS(text_is_clean(row->netns) && text_is_clean(row->initiator_name));
	HOLDS(row->error_scope == ERROR_SCOPE_INSTANCE ||
	      row->error_scope == ERROR_SCOPE_NAMESPACE);
	HOLDS(snapshot_find(snapshot, row->name) == row);
	check_stats(&row->stats);
	check_sum(snapshot, row);
}

static void check_sas(const struct snapshot *snapshot, const struct sa_list *sas)
{
	for (size_t i = 0; i < sas->n; i++) {
		const struct listed_sa *it = &sas->sas[i];

		HOLDS(snapshot_find(snapshot, it->instance) != NULL);
		HOLDS(text_is_clean(it->peer) && text_is_clean(it->label));
	}
}

/* The lines of a report. */
static void check_report(char *text)
{
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		HOLDS(text_is_clean(line));
}

static void report(FILE *stream, unsigned which, const struct snapshot *snapshot,
		   const struct sa_list *sas)
{
	const struct report_origin origin = {"1", "7.0", -1, false};

	if (which < N_REPORT_VIEWS)
		report_json(stream, which, snapshot, sas, &origin);
	else if (which == N_REPORT_VIEWS)
		report_table(stream, snapshot, 100);
	else if (which == N_REPORT_VIEWS + 1)
		report_peers(stream, snapshot);
	else
		report_sas(stream, sas, UINT64_C(1700000000));
}

void check_reports(const struct snapshot *snapshot, const struct sa_list *sas)
{
	for (unsigned which = 0; which <= N_REPORT_VIEWS + 2; which++) {
		char *text = NULL;
		size_t size = 0;
		FILE *stream = open_memstream(&text, &size);

		HOLDS(stream != NULL);
		report(stream, which, snapshot, sas);
		HOLDS(fclose(stream) == 0 && strlen(text) == size);
		check_report(text);
		free(text);
	}
}

void check_snapshot(const struct snapshot *snapshot, const struct sa_list *sas)
{
	HOLDS(snapshot->n_rows > 0);
	for (size_t i = 0; i < snapshot->n_rows; i++)
		check_row(snapshot, i);
	for (size_t i = 0; i < snapshot->n_xfrm; i++)
		HOLDS(xfrm_counter_is_valid(&snapshot->xfrm[i].counter));
	HOLDS(text_is_clean(snapshot->health.last_error));
	check_sas(snapshot, sas);
}

static void check_row_growth(const struct snapshot_row *was,
			     const struct snapshot_row *is)
{
	for (size_t i = 0; i < STAT_COUNT; i++)
		HOLDS(stat_columns[i].kind == STAT_LEVEL ||
		      stats_get(&is->stats, &stat_columns[i]) >=
			  stats_get(&was->stats, &stat_columns[i]));
	HOLDS(is->packets_sent >= was->packets_sent);
	HOLDS(is->packets_received >= was->packets_received);
	HOLDS(is->replay_failures >= was->replay_failures);
}

void check_growth_of(const struct snapshot *before, const struct snapshot *after)
{
	for (size_t i = 0; i < before->n_rows; i++) {
		const struct snapshot_row *was = &before->rows[i];
		const struct snapshot_row *is = snapshot_find(after, was->name);

		if (is && is->discontinuity == was->discontinuity)
			check_row_growth(was, is);
	}
}

char *save_body(struct collector *collector, size_t *ret_size)
{
	char *body = NULL;
	FILE *stream = open_memstream(&body, ret_size);

	HOLDS(stream != NULL);
	HOLDS(state_body_save(collector_rows(collector), stream) == 0);
	HOLDS(fclose(stream) == 0);
	return body;
}

int load_body(struct collector *collector, const void *body, size_t size, uint64_t now)
{
	/* of no bytes there is no stream */
	FILE *stream = fmemopen((void *)(uintptr_t)body, size ? size : 1, "r");
	int err;

	HOLDS(stream != NULL);
	err = size ? state_body_load(collector_rows(collector), now, stream) : -1;
	if (!err && fgetc(stream) != EOF)
		err = -1;
	fclose(stream);
	return err;
}

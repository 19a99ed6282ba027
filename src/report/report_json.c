/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"
#include "util/text.h"

/* Writes UTF-8 unescaped (RFC 8259). The text should be clean; a byte that is not is
 * escaped, so that the result is valid JSON in any case. */
static void json_string(FILE *stream, const char *text)
{
	size_t len = strlen(text);

	fputc('"', stream);
	for (size_t at = 0, n; at < len; at += n ? n : 1) {
		n = text_char(text + at, len - at);
		if (!n)
			fprintf(stream, "\\u%04x", (unsigned char)text[at]);
		else if (text[at] == '"' || text[at] == '\\')
			fprintf(stream, "\\%c", text[at]);
		else
			fwrite(text + at, n, 1, stream);
	}
	fputc('"', stream);
}

/* Members of an object, each with a comma behind it. */

static void json_text(FILE *stream, const char *name, const char *text)
{
	fprintf(stream, "\"%s\":", name);
	json_string(stream, text);
	fputc(',', stream);
}

static void json_bool(FILE *stream, const char *name, bool value)
{
	fprintf(stream, "\"%s\":%s,", name, value ? "true" : "false");
}

static void json_number(FILE *stream, const char *name, uint64_t value)
{
	fprintf(stream, "\"%s\":%" PRIu64 ",", name, value);
}

/* 9999-12-31T23:59:59Z, the last second that RFC 3339 can express, or the last of a
 * time_t of 32 bits. XFRM_MSG_NEWAE can set the time of an SA to any. */
#define LAST_SECOND                                             \
	(sizeof(time_t) < sizeof(int64_t) ? (uint64_t)INT32_MAX \
					  : UINT64_C(253402300799))

/* "2026-11-26T21:13:07.250Z", from ms since the epoch. */
static void json_date(FILE *stream, const char *name, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&seconds, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	fprintf(stream, "\"%s\":\"%s.%03dZ\",", name, text, (int)(ms % 1000));
}

static void json_time(FILE *stream, const char *name, uint64_t monotonic,
		      const struct report_origin *origin)
{
	json_date(stream, name,
		  ((int64_t)monotonic - origin->epoch) / (int64_t)NS_PER_MS);
}

/* Instances. */

static void json_row(FILE *stream, const struct snapshot_row *row,
		     const struct report_origin *origin)
{
	fputc('{', stream);
	json_text(stream, "name", row->name);
	json_bool(stream, "active", row->active);
	json_text(stream, "descr", row->descr);
	json_text(stream, "transport", row->transport);
	json_text(stream, "netns", row->netns);
	json_text(stream, "initiator_name", row->initiator_name);
	json_number(stream, "if_index", row->if_index);
	json_number(stream, "sessions", row->sessions);
	json_text(stream, "error_scope",
		  row->error_scope == ERROR_SCOPE_INSTANCE ? "instance" : "namespace");
	json_time(stream, "discontinuity", row->discontinuity, origin);
	json_number(stream, "replay_failures", row->replay_failures);
	json_number(stream, "packets_sent", row->packets_sent);
	json_number(stream, "packets_received", row->packets_received);
	fputs("\"stats\":{", stream);
	for (size_t i = 0; i < STAT_COUNT; i++)
		fprintf(stream, "%s\"%s\":%" PRIu64, i ? "," : "",
			stat_columns[i].field,
			stats_get(&row->stats, &stat_columns[i]));
	fputs("}}", stream);
}

static void json_rows(FILE *stream, const struct snapshot *snapshot,
		      const struct report_origin *origin)
{
	fputs("\"instances\":[", stream);
	for (size_t i = 0; i < snapshot->n_rows; i++) {
		fputs(i ? ",\n" : "\n", stream);
		json_row(stream, &snapshot->rows[i], origin);
	}
	fputs("],\n", stream);
}

static void json_xfrm(FILE *stream, const struct snapshot *snapshot)
{
	const char *netns = NULL;

	fputs("\"xfrm\":[", stream);
	for (size_t i = 0; i < snapshot->n_xfrm; i++) {
		const struct snapshot_xfrm *xfrm = &snapshot->xfrm[i];
		bool first = !netns || strcmp(netns, xfrm->netns) != 0;

		if (first) {
			fprintf(stream, "%s\n{", netns ? "}}," : "");
			netns = xfrm->netns;
			json_text(stream, "netns", netns);
			fputs("\"counters\":{", stream);
		}
		fputs(first ? "" : ",", stream);
		json_string(stream, xfrm->counter.name);
		fprintf(stream, ":%" PRIu64, xfrm->counter.value);
	}
	fputs(netns ? "}}]" : "]", stream);
}

/* Peers. */

static void json_peer(FILE *stream, const struct snapshot_peer *peer,
		      const struct report_origin *origin)
{
	const struct totals *totals = &peer->totals;
	const struct stats *stats = &totals->stats;

	fputc('{', stream);
	json_text(stream, "instance", peer->instance);
	json_text(stream, "peer", peer->name);
	json_text(stream, "label", peer->label);
	json_bool(stream, "active", peer->active);
	if (peer->last_change)
		json_time(stream, "last_change", peer->last_change, origin);
	else
		fputs("\"last_change\":null,", stream);
	json_time(stream, "discontinuity", peer->discontinuity, origin);
	json_number(stream, "active_sas", stats->active_sa);
	json_number(stream, "active_tunnels", stats->active_tunnels);
	json_number(stream, "pending_key_operations", stats->pending_key_operations);
	json_number(stream, "key_additions", stats->key_additions);
	json_number(stream, "key_deletions", stats->key_deletions);
	json_number(stream, "rekeys", stats->rekeys);
	json_number(stream, "packets_not_authenticated",
		    stats->packets_not_authenticated);
	json_number(stream, "replay_failures", totals->replay_failures);
	json_number(stream, "packets_sent", totals->packets_sent);
	json_number(stream, "packets_received", totals->packets_received);
	json_number(stream, "bytes_sent", peer->bytes_sent);
	fprintf(stream, "\"bytes_received\":%" PRIu64 "}", peer->bytes_received);
}

static void json_peers(FILE *stream, const struct snapshot *snapshot,
		       const struct report_origin *origin)
{
	bool first = true;

	fputs("\"peers\":[", stream);
	for (size_t i = 0; i < snapshot->n_rows; i++) {
		const struct snapshot_row *row = &snapshot->rows[i];

		for (size_t j = 0; j < row->n_peers; j++) {
			fputs(first ? "\n" : ",\n", stream);
			json_peer(stream, &snapshot->peers[row->first_peer + j],
				  origin);
			first = false;
		}
	}
	fputc(']', stream);
}

/* SAs. */

static const char *const directions[] = {
    [SA_DIR_UNKNOWN] = "unknown",
    [SA_DIR_IN] = "in",
    [SA_DIR_OUT] = "out",
};

static const char *const direction_reasons[] = {
    [DIRECTION_BY_NOTHING] = "unknown",   [DIRECTION_DECLARED] = "declared",
    [DIRECTION_BY_ENDS] = "ends",         [DIRECTION_BY_POLICIES] = "policies",
    [DIRECTION_BY_SEQUENCE] = "sequence", [DIRECTION_BY_GROUP] = "group",
};

static const char *const row_reasons[] = {
    [ROW_UNCLAIMED] = "unclaimed",
    [ROW_BY_RULE] = "rule",
    [ROW_BY_POLICY] = "policy",
    [ROW_BY_CONNECTION] = "connection",
};

static const char *row_reason(const struct listed_sa *sa)
{
	if (sa->row_holds)
		return row_reasons[sa->row_reason];
	return sa->row_is_fixed ? "kept" : "waiting";
}

static void json_address(FILE *stream, const char *name, const struct sa *sa,
			 const struct in6_addr *addr)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(sa->family, addr, text, sizeof(text));
	json_text(stream, name, text);
}

static void json_sa(FILE *stream, const struct listed_sa *listed, uint64_t now)
{
	const struct sa *sa = &listed->sa;

	fputc('{', stream);
	json_text(stream, "instance", listed->instance);
	json_text(stream, "peer", listed->peer);
	json_text(stream, "label", listed->label);
	fprintf(stream, "\"spi\":\"0x%08x\",", sa->spi);
	json_text(stream, "protocol", sa_proto_name(sa->proto));
	json_text(stream, "mode", sa_mode_name(sa->mode));
	json_address(stream, "source", sa, &sa->saddr);
	json_address(stream, "destination", sa, &sa->daddr);
	json_text(stream, "state",
		  sa->keyed         ? "keyed"
		  : sa_is_ipsec(sa) ? "larval"
				    : "other");
	json_date(stream, "added",
		  (int64_t)(listed->born < LAST_SECOND ? listed->born : LAST_SECOND) *
		      1000);
	json_number(stream, "age", now > listed->born ? now - listed->born : 0);
	json_number(stream, "reqid", sa->reqid);
	json_number(stream, "if_id", sa->if_id);
	json_number(stream, "mark", sa->mark);
	json_number(stream, "mark_mask", sa->mark_mask);
	json_number(stream, "bytes", sa->sample.bytes);
	json_number(stream, "packets", sa->sample.packets);
	json_number(stream, "integrity_failed", sa->sample.integrity_failed);
	json_number(stream, "replay_failures",
		    (uint64_t)sa->sample.replay + sa->sample.replay_window);
	json_text(stream, "direction", directions[listed->direction]);
	json_text(stream, "direction_reason",
		  listed->direction_holds ? direction_reasons[listed->direction_reason]
					  : "kept");
	json_text(stream, "row_reason", row_reason(listed));
	fprintf(stream, "\"row_kept\":%s}", listed->row_is_kept ? "true" : "false");
}

static void json_sas(FILE *stream, const struct sa_list *list, uint64_t now)
{
	fputs("\"sas\":[", stream);
	for (size_t i = 0; i < list->n; i++) {
		fputs(i ? ",\n" : "\n", stream);
		json_sa(stream, &list->sas[i], now);
	}
	fputc(']', stream);
}

/* The whole. */

void report_json(FILE *stream, enum report_view view, const struct snapshot *snapshot,
		 const struct sa_list *list, const struct report_origin *origin)
{
	const struct health *health = &snapshot->health;

	fputc('{', stream);
	json_text(stream, "report", report_view_names[view]);
	json_text(stream, "version", origin->version);
	json_text(stream, "kernel", origin->kernel);
	json_time(stream, "time", health->last_poll, origin);
	json_bool(stream, "restored", origin->restored);
	json_number(stream, "poll_duration_ns", health->last_poll_duration);
	json_number(stream, "tracked_sas", health->tracked_sas);
	json_bool(stream, "xfrm_stat_available", !health->xfrm_stat_missing);
	fputc('\n', stream);
	if (view == REPORT_PEERS) {
		json_peers(stream, snapshot, origin);
	} else if (view == REPORT_SAS) {
		json_sas(stream, list, report_seconds_at(origin, health->last_poll));
	} else {
		json_rows(stream, snapshot, origin);
		json_xfrm(stream, snapshot);
	}
	fputs("}\n", stream);
}

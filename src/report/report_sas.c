/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/report.h"

#include <string.h>

#include "report/readable.h"

enum {
	DIRECTION_WIDTH = 5,
	SPI_WIDTH = 12,
	PROTO_WIDTH = 7,
	MODE_WIDTH = 11,
	AGE_WIDTH = 7,
	NUMBER_WIDTH = 9,
};

static const char *const directions[] = {
    [SA_DIR_UNKNOWN] = "?",
    [SA_DIR_IN] = "in",
    [SA_DIR_OUT] = "out",
};

static const char *age_of(const struct listed_sa *sa, uint64_t now, char *text,
			  size_t size)
{
	if (!sa->sa.keyed)
		return sa_is_ipsec(&sa->sa) ? "larval" : "-";
	return readable_age(now > sa->born ? now - sa->born : 0, text, size);
}

static void write_sa(FILE *stream, const struct listed_sa *listed, size_t instance,
		     size_t peer, uint64_t now)
{
	const struct sa *sa = &listed->sa;
	char spi[READABLE_SIZE], age[READABLE_SIZE];
	char bytes[READABLE_SIZE], packets[READABLE_SIZE];

	snprintf(spi, sizeof(spi), "0x%08x", sa->spi);
	readable_column(stream, listed->instance, instance + 2);
	readable_column(stream, listed->peer, peer + 2);
	readable_column(stream, directions[listed->direction], DIRECTION_WIDTH);
	readable_column(stream, spi, SPI_WIDTH);
	readable_column(stream, sa_proto_name(sa->proto), PROTO_WIDTH);
	readable_column(stream, sa_mode_name(sa->mode), MODE_WIDTH);
	fprintf(stream, "%*s%*s%*s\n", AGE_WIDTH, age_of(listed, now, age, sizeof(age)),
		NUMBER_WIDTH, readable_short(sa->sample.bytes, bytes, sizeof(bytes)),
		NUMBER_WIDTH,
		readable_short(sa->sample.packets, packets, sizeof(packets)));
}

static void write_head(FILE *stream, size_t instance, size_t peer)
{
	readable_column(stream, "instance", instance + 2);
	readable_column(stream, "peer", peer + 2);
	readable_column(stream, "dir", DIRECTION_WIDTH);
	readable_column(stream, "SPI", SPI_WIDTH);
	readable_column(stream, "proto", PROTO_WIDTH);
	readable_column(stream, "mode", MODE_WIDTH);
	fprintf(stream, "%*s%*s%*s\n", AGE_WIDTH, "age", NUMBER_WIDTH, "bytes",
		NUMBER_WIDTH, "packets");
}

static void write_row_reason(FILE *stream, const struct listed_sa *sa)
{
	if (sa->row_is_kept)
		fputs("keeps the row it had", stream);
	if (sa->row_holds)
		fprintf(stream, "%s%s", sa->row_is_kept ? "; " : "",
			row_reason_texts[sa->row_reason]);
	else if (sa->row_is_fixed)
		fprintf(stream, "%s",
			sa->row_is_kept ? "" : "keeps the row that claimed it first");
	else
		fputs("waits until its direction and policies are known", stream);
}

static void write_reasons(FILE *stream, const struct listed_sa *sa)
{
	fputs("    row: ", stream);
	write_row_reason(stream, sa);
	fprintf(stream, "; direction: %s\n",
		sa->direction_holds ? direction_reason_texts[sa->direction_reason]
				    : "as first seen");
}

void report_sas(FILE *stream, const struct sa_list *list, uint64_t now)
{
	size_t instance = strlen("instance");
	size_t peer = strlen("peer");

	if (!list->n) {
		fputs("no SAs\n", stream);
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		readable_widen(&instance, list->sas[i].instance);
		readable_widen(&peer, list->sas[i].peer);
	}
	write_head(stream, instance, peer);
	for (size_t i = 0; i < list->n; i++) {
		write_sa(stream, &list->sas[i], instance, peer, now);
		write_reasons(stream, &list->sas[i]);
	}
}

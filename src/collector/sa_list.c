/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "collector/sa_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/text.h"

struct filling {
	struct sa_list *list;
	struct surroundings *around;
	const char *netns;
};

static int add(void *ctx, const struct ledger_view *view)
{
	const struct filling *filling = ctx;
	const struct rows *rows = filling->around->rows;
	const struct account *account = view->account;
	const struct attribution now =
	    attribution_explain(filling->around, view->sa, view->direction);
	struct sa_list *list = filling->list;
	struct listed_sa *sa;

	if (array_reserve(&list->sas, list->n, 1) < 0)
		return -ENOMEM;
	sa = &list->sas[list->n++];
	*sa = (struct listed_sa){
	    .sa = *view->sa,
	    .born = view->born,
	    .direction = view->direction,
	    .direction_reason = now.direction_reason,
	    .direction_holds = now.direction == view->direction,
	    .row_reason = now.row_reason,
	    .row_holds = now.row == account->row,
	    .row_is_fixed = account->row != 0,
	    .row_is_kept = view->row_is_kept,
	};
	rows_name(rows, account->row, filling->netns, sa->instance);
	memcpy(sa->peer, account->name, sizeof(sa->peer));
	snprintf(sa->label, sizeof(sa->label), "%s", account->label);
	return 0;
}

int sa_list_fill(struct sa_list *list, struct surroundings *around, const char *netns)
{
	struct filling filling = {list, around, netns};

	return ledger_view_sas(around->rows->ledger, add, &filling);
}

void sa_list_free(struct sa_list *list)
{
	free(list->sas);
	*list = (struct sa_list){.n = 0};
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare(const void *left, const void *right)
{
	const struct listed_sa *a = left;
	const struct listed_sa *b = right;
	int order = text_compare_index(a->instance, b->instance);

	if (!order)
		order = text_compare_index(a->peer, b->peer);
	if (!order)
		order = compare_numbers(a->direction, b->direction);
	if (!order)
		order = compare_numbers(a->born, b->born);
	return order ? order : compare_numbers(a->sa.spi, b->sa.spi);
}

void sa_list_sort(struct sa_list *list)
{
	if (list->n)
		qsort(list->sas, list->n, sizeof(*list->sas), compare);
}

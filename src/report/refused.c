/* SPDX-License-Identifier: Apache-2.0 */
#include "report/refused.h"

#include <stdlib.h>

#include "base/error.h"
#include "plan/receipt.h"

static void release_refused(void *data)
{
	struct refused *refused = data;

	receipt_done(&refused->receipt);
	free(refused);
}

void refused_attach(ks_error *error, struct ks_plan *plan)
{
	struct refused *refused = error ? malloc(sizeof(*refused)) : NULL;

	if (!refused)
		return;
	*refused = (struct refused){plan->kind, plan->receipt};
	plan->receipt = (struct receipt){0};
	error_attach(error, refused, release_refused);
}

const struct refused *refused_of(const ks_error *error)
{
	return error_attached(error, release_refused);
}

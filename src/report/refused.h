/* SPDX-License-Identifier: Apache-2.0 */
/* What a start that failed was planned to hold. It goes with the error, so that whoever makes an
 * outcome of that can show the receipt, row by row, of what was refused. */
#ifndef KS_REPORT_REFUSED_H
#define KS_REPORT_REFUSED_H

#include <kastellan/error.h>

#include "plan/plan.h"

struct refused {
	enum ks_backend_kind kind;
	struct receipt receipt;
};

/* Takes the receipt out of the plan. error may be NULL, and where memory runs out the error goes
 * without. */
void refused_attach(ks_error *error, struct ks_plan *plan);

/* NULL where nothing had been planned yet. It belongs to the error. */
const struct refused *refused_of(const ks_error *error);

#endif

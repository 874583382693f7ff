/* SPDX-License-Identifier: Apache-2.0 */
/* Printing of what plans for macOS have besides. */
#ifndef KS_PLAN_WRITE_MACOS_H
#define KS_PLAN_WRITE_MACOS_H

#include <jansson.h>

#include "base/strbuf.h"
#include "plan/plan.h"

/* How far the backend has been tried, and its image; nothing where there is nothing to say. */
void write_evidence(struct strbuf *out, const struct ks_plan *plan);
/* Parameters and text of the profile, likewise. */
void write_seatbelt(struct strbuf *out, const struct seatbelt_plan *seatbelt);

/* The same as members of the object, which is taken and returned; NULL = out of memory. */
json_t *write_macos_json(json_t *object, const struct ks_plan *plan);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan has of a machine. Both do nothing for a plan without one. */
#ifndef KS_PLAN_WRITE_VM_H
#define KS_PLAN_WRITE_VM_H

#include "base/strbuf.h"
#include "plan/plan.h"

struct json_t;

void write_vm(struct strbuf *out, const struct vm_plan *vm);

/* Adds to the object and returns it, or NULL as json_with(). */
struct json_t *write_vm_json(struct json_t *object, const struct vm_plan *vm);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_RESOLVE_KINDS_H
#define KS_RESOLVE_KINDS_H

#include "resolve/backends.h"

/* The name of a kind by its number, of any system: a receipt may come from elsewhere. */
const char *kind_name(unsigned number);

/* 0, -EINVAL for no name of a kind, -EOPNOTSUPP for one that the table has not. */
int kind_from_name(const struct backend_table *table, const char *name,
	enum ks_backend_kind *ret_kind, ks_error **reterr);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The one table that names every fact of a host. */
#ifndef KS_RESOLVE_HOST_FACTS_H
#define KS_RESOLVE_HOST_FACTS_H

#include <stddef.h>

/* A version is a text of numbers that are compared, and not only shown. */
enum fact_type {
	FACT_TEXT,
	FACT_VERSION,
	FACT_BOOL,
	FACT_U32,
	FACT_INT,
	FACT_USERNS,
	FACT_MANAGER
};

struct fact {
	const char *name;
	enum fact_type type;
	size_t offset;
};

/* Of struct ks_host itself. Both end with an entry without a name. */
extern const struct fact host_facts[];

struct fact_section {
	const char *name;
	const struct fact *facts;
	size_t offset; /* of its structure in struct ks_host */
	const char *os; /* the only one that has it; NULL = all */
};

extern const struct fact_section fact_sections[];
extern const size_t n_fact_sections;

#endif

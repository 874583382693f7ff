/* SPDX-License-Identifier: Apache-2.0 */
/* Places in the facts of a host, and what is said of what is wrong there: the place, what was
 * expected, what is there instead, and how such a file is made. */
#ifndef KS_RESOLVE_HOST_PLACE_H
#define KS_RESOLVE_HOST_PLACE_H

#include <jansson.h>
#include <stddef.h>

#include <kastellan/error.h>

#include "resolve/host.h"

#define PLACE_REMEDY \
	"correct it, or have the file written on that host: kastellan doctor --json > FACTS.json"

/* Where in the text something is: a member of an object, or of a list. */
struct place {
	const struct place *around; /* NULL = the whole */
	const char *name; /* NULL = of a list */
	size_t index;
};

#define IN(outer, member) (&(const struct place){.around = (outer), .name = (member)})
#define AT(outer, number) (&(const struct place){.around = (outer), .index = (number)})

/* Each returns -EINVAL, or -ENOMEM, with the error. */
int place_refuse(const struct place *place, const char *reason, ks_error **reterr);
/* value NULL: there is none. */
int place_wrong(
	const struct place *place, const json_t *value, const char *expected, ks_error **reterr);
/* A name that is none of these. */
int place_unknown(
	const struct place *place, const char *const *names, size_t n_names, ks_error **reterr);

/* 0, or -EINVAL for what is no whole number between both. */
int place_integer(const json_t *value, json_int_t low, json_int_t high, json_int_t *ret_number);

/* The list of paths. 0, -EINVAL or -ENOMEM. */
int host_paths_from_json(
	struct ks_host *host, const struct place *place, json_t *list, ks_error **reterr);

#endif

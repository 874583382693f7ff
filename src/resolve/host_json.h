/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON forms of host facts as values, for documents that hold more than them. */
#ifndef KS_RESOLVE_HOST_JSON_H
#define KS_RESOLVE_HOST_JSON_H

#include <jansson.h>

#include "resolve/host.h"

/* NULL when memory runs out. The caller releases the reference. */
json_t *host_to_json(const struct ks_host *host);

/* 0, -ENOMEM, or -EINVAL with the place of the fact that is unknown or of a wrong type. */
int host_from_json(json_t *object, struct ks_host **ret_host, ks_error **reterr);

#endif

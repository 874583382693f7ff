/* SPDX-License-Identifier: Apache-2.0 */
/* Firecracker's configuration against its published interface, strictly. The unit tests hold the
 * plan's against it, and the test double refuses any other. */
#ifndef KS_TESTS_FIRECRACKER_SCHEMA_H
#define KS_TESTS_FIRECRACKER_SCHEMA_H

#include <jansson.h>

/* NULL, or the key at fault. */
const char *schema_fault(json_t *json);

#endif

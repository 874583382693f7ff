/* SPDX-License-Identifier: Apache-2.0 */
/* Names of templates, see store.h. Pure. */
#ifndef KS_VM_TEMPLATE_NAME_H
#define KS_VM_TEMPLATE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sha256.h"

#define TEMPLATE_NAME_ROOM 192
#define TEMPLATE_PREFIX "template-"
#define TEMPLATE_PAUSE_PREFIX "no-template-" /* KEY: one could not be made or used */

struct template_name {
	char key[SHA256_TEXT];
	char content[SHA256_TEXT];
	uint32_t tsc_khz;
};

void template_name_write(const struct template_name *name, char ret[TEMPLATE_NAME_ROOM]);

/* False: it is no such name. */
bool template_name_read(const char *text, struct template_name *ret);

/* Whether a guest that was told the one rate may run by the other, which is what its clock will be
 * wrong by: two measurements of one counter do not differ by more. */
bool template_rate_fits(uint32_t told, uint32_t now);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Fails one allocation. Linked with --wrap for the allocating functions (fail_alloc_args in
 * meson.build). */
#ifndef TESTS_FAIL_ALLOC_H
#define TESTS_FAIL_ALLOC_H

#include <stdbool.h>

extern unsigned countdown; /* to the failing one; 0 while nothing fails */
extern bool failed; /* it has been reached */

#endif

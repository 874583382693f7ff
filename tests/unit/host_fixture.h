/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_TESTS_HOST_FIXTURE_H
#define KS_TESTS_HOST_FIXTURE_H

#include "resolve/host.h"

/* The facts of tests/golden/host-NAME.json. */
struct ks_host *load(const char *name);
/* The text holds the words; without words there is no text. */
void contains(const char *text, const char *words);

#endif

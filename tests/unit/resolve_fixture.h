/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle of another system's backends, on facts of a host that are counted. */
#ifndef KS_TESTS_RESOLVE_FIXTURE_H
#define KS_TESTS_RESOLVE_FIXTURE_H

#include <stdatomic.h>

#include "resolve/resolve.h"

/* The kinds of macOS by their numbers: here they have no names. */
#define SEATBELT ((enum ks_backend_kind)6)
#define CONTAINER ((enum ks_backend_kind)7)

extern const struct backend_table mac;

/* How often a host was looked at since make(). */
extern atomic_int probes;

/* They fail the test. */
ks_backends *make(const struct backend_table *table);
ks_backend *ask(ks_backends *backends, enum ks_backend_kind kind, const char *image);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A spec with everything in it, for the tests of its writer and its reader. */
#ifndef TESTS_SPEC_FIXTURE_H
#define TESTS_SPEC_FIXTURE_H

#include <linux/filter.h>

#include "linux/init/spec_read.h"
#include "linux/jail/spec_write.h"

extern const struct sock_filter spec_fixture_filter[2];

/* Begins the writer and adds one of each record, in an order that mixes the repeated ones. */
void spec_write_full(struct spec_writer *writer);

/* The text of the sealed spec in memory of exactly its size, so that a sanitizer sees one byte
 * more. Free with free(). */
char *spec_text(struct spec_writer *writer, size_t *ret_size);

#endif

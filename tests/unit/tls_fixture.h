/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_TESTS_TLS_FIXTURE_H
#define KS_TESTS_TLS_FIXTURE_H

#include "egress/bytes.h"
#include "egress/tls.h"

#define TLS_ROOM 40000

/* A ClientHello under construction: the handshake message, and the stream of its records. */
extern uint8_t hello[TLS_ROOM], stream[TLS_ROOM];

void put_name(struct bytes_out *out, uint8_t type, const char *name, size_t len);
void put_extension(struct bytes_out *out, uint16_t type, const void *data, size_t len);
void put_sni(struct bytes_out *out, const char *name);

/* The message round these extensions (NULL: a hello of SSL 3, that has none). */
size_t make_hello(const struct bytes_out *extensions);
/* The message in records of at most size bytes. */
size_t make_stream(size_t len, size_t size);
size_t simple_hello(const char *name);

/* The result of all bytes; every shorter prefix must ask for more. The bytes are given in memory of
 * their exact size, so that a sanitizer sees a read past them. */
enum tls_result ask(size_t len, struct tls_hello *ret_hello);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of the spec (spec.h) into a sealed memfd. Add without checking, look once at the seal. */
#ifndef KS_LINUX_JAIL_SPEC_WRITE_H
#define KS_LINUX_JAIL_SPEC_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kastellan/error.h>

#include "base/strbuf.h"
#include "linux/spec.h"

struct sock_filter;

struct spec_writer {
	struct strbuf text;
	uint32_t records;
};

void spec_writer_init(struct spec_writer *writer);
void spec_writer_done(struct spec_writer *writer);

/* One record of any type, as it stands. */
void spec_add(struct spec_writer *writer, uint32_t type, const void *data, size_t len);

void spec_add_string(struct spec_writer *writer, uint32_t type, const char *text);
/* A NULL-terminated vector, one record each. NULL is an empty one. */
void spec_add_strings(struct spec_writer *writer, uint32_t type, const char *const *texts);
/* SPEC_ENV out of its two parts. */
void spec_add_env(struct spec_writer *writer, const char *name, const char *value);
void spec_add_ids(struct spec_writer *writer, uint32_t type, uint32_t uid, uint32_t gid);
void spec_add_flags(struct spec_writer *writer, uint32_t flags);
void spec_add_winsize(struct spec_writer *writer, const struct spec_winsize *winsize);
void spec_add_rlimit(struct spec_writer *writer, int resource, uint64_t soft, uint64_t hard);
void spec_add_verify(
	struct spec_writer *writer, const char *path, uint64_t dev, uint64_t ino, bool read_only);
void spec_add_landlock(struct spec_writer *writer, uint32_t abi, uint64_t handled_fs,
	uint64_t handled_net, uint64_t scoped);
/* slot: of a grant that the rule is for; 0 = by the path. */
void spec_add_rule(struct spec_writer *writer, const char *path, uint64_t access, bool optional,
	uint32_t slot);
void spec_add_temporary(struct spec_writer *writer, const char *path, uint64_t access, bool named);
/* type: SPEC_FILTER_NOTIFY or SPEC_FILTER_KILL. */
void spec_add_filter(struct spec_writer *writer, uint32_t type,
	const struct sock_filter *instructions, size_t count);
void spec_add_stage(struct spec_writer *writer, int slot, bool directory, uint32_t owner_uid,
	uint32_t owner_gid);

/* address: IPv6, or IPv4 as a mapped one. */
void spec_add_loopback(struct spec_writer *writer, const uint8_t address[16], uint16_t port);
void spec_add_ports(struct spec_writer *writer, const uint16_t *ports, size_t n_ports);

/* source: NULL = none. */
void spec_add_mount(struct spec_writer *writer, const struct spec_mount *mount, const char *path,
	const char *source);

/* Returns a descriptor (close-on-exec) of the sealed file, -E2BIG past KS_MAX_SPEC_BYTES, or
 * another -errno. The writer stays to be done with. */
int spec_writer_seal(struct spec_writer *writer, ks_error **reterr);

#define autospec __attribute__((cleanup(spec_writer_done)))

#endif

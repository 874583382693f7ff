/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of the spec: everything is checked once, before anything is done; afterwards the records
 * are pointed into. Pure but for spec_load(). */
#ifndef KS_LINUX_INIT_SPEC_READ_H
#define KS_LINUX_INIT_SPEC_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/filter.h>

#include "base/bounds.h"
#include "linux/init/failure.h"
#include "linux/spec.h"

/* The policy's variables and the few that the backend adds. */
#define SPEC_MAX_ENV (KS_MAX_ENV + 32)

struct spec_filter {
	const struct sock_filter *instructions; /* NULL: not given */
	unsigned short len;
};

struct spec {
	const char *text;
	size_t size;
	size_t argc;
	size_t envc;
	size_t n_helper;
	const char *cwd; /* NULL where the record is absent, as all pointers below */
	const char *search;
	const char *hostname; /* there: the jail is made without a helper */
	const uint32_t *flag_bits;
	const struct spec_ids *ids;
	const struct spec_ids *kernel_ids;
	const struct spec_winsize *winsize;
	const struct spec_landlock *landlock;
	const struct spec_temporary *temporary; /* there: no namespaces; a path follows it */
	const uint32_t *extra; /* there: so many further descriptors for the worker */
	const uint16_t *ports; /* there: the network leads to the egress proxy */
	size_t n_ports;
	struct spec_filter notify;
	struct spec_filter kill;
	/* Room for what is allowed, of which hardly anything is ever used: last, so that the pages
	 * behind what there is are never touched. Each list ends with a NULL. */
	const char *envp[SPEC_MAX_ENV + 1];
	const char *argv[KS_MAX_ARGS + 1];
	const char *helper[KS_MAX_ARGS + 1];
};

/* text is aligned to 8 bytes and outlives *ret. Returns 0, or -EBADMSG, -EPROTONOSUPPORT or -E2BIG
 * with the reason in *failure; *ret is then undefined. */
int spec_parse(const void *text, size_t size, struct spec *ret, struct failure *failure);

/* Maps the sealed file and parses it. */
int spec_load(int fd, struct spec *ret, struct failure *failure);

/* The payload of the next record of the type, or NULL. *cursor starts at 0. */
const void *spec_next(const struct spec *spec, uint32_t type, size_t *cursor);

static inline uint32_t spec_flags(const struct spec *spec)
{
	return spec->flag_bits ? *spec->flag_bits : 0;
}

/* The worker's descriptors behind its standard streams. */
static inline uint32_t spec_extra(const struct spec *spec)
{
	return spec->extra ? *spec->extra : 0;
}

/* Whether the worker's streams are there from the start. */
static inline bool spec_has_stdio(const struct spec *spec)
{
	return !(spec_flags(spec) & (SPEC_FLAG_TTY | SPEC_FLAG_LATE));
}

#endif

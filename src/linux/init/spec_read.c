/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/spec_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "linux/control.h"

#define KNOWN_FLAGS                                                                   \
	(SPEC_FLAG_TTY | SPEC_FLAG_KEEP_GROUP | SPEC_FLAG_LATE | SPEC_FLAG_LOOPBACK | \
		SPEC_FLAG_HOST_NETWORK | SPEC_FLAG_ROOT)
#define NEEDED_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Where the payload of a repeated string record is listed, and how many fit. */
struct list {
	const char **items;
	size_t *count;
	size_t max;
};

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* Exactly one NUL, at the very end. */
static bool is_string(const char *data, size_t len)
{
	return len > 0 && memchr(data, '\0', len) == data + len - 1;
}

static int bad(struct failure *failure, const char *why)
{
	return failure_set(failure, EBADMSG, "spec", why);
}

static int take_list(struct list list, const char *data, size_t len, struct failure *failure)
{
	if (!is_string(data, len))
		return bad(failure, "a string without its end");
	if (*list.count == list.max)
		return failure_set(failure, E2BIG, "spec", "too many strings of one kind");
	list.items[(*list.count)++] = data;
	return 0;
}

static int take_string(const char **slot, const char *data, size_t len, struct failure *failure)
{
	if (!is_string(data, len) || *slot)
		return bad(failure, "a string that is repeated or has no end");
	*slot = data;
	return 0;
}

static int take_fixed(
	const void **slot, const char *data, size_t len, size_t wanted, struct failure *failure)
{
	if (len != wanted || *slot)
		return bad(failure, "a record that is repeated or has another size");
	*slot = data;
	return 0;
}

static int take_filter(
	struct spec_filter *slot, const char *data, size_t len, struct failure *failure)
{
	if (len == 0 || len % sizeof(struct sock_filter) || slot->instructions ||
		len / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return bad(failure, "a filter that is repeated or has an impossible size");
	slot->instructions = (const struct sock_filter *)data;
	slot->len = (unsigned short)(len / sizeof(struct sock_filter));
	return 0;
}

static int take_ports(struct spec *spec, const char *data, size_t len, struct failure *failure)
{
	if (spec->ports || len % sizeof(uint16_t) || len / sizeof(uint16_t) > KS_MAX_ENDPOINTS)
		return bad(failure, "ports that are repeated or have an impossible size");
	spec->ports = (const uint16_t *)data;
	spec->n_ports = len / sizeof(uint16_t);
	return 0;
}

/* A fixed head and a string behind it. Heads of the repeated records end in a zero word. */
static int check_repeated(const char *data, size_t len, size_t head, bool string, size_t zero_at,
	struct failure *failure)
{
	uint32_t zero = 0;

	if (len < head || (!string && len != head) ||
		(string && !is_string(data + head, len - head)))
		return bad(failure, "a record of another size, or without the end of its string");
	if (zero_at)
		memcpy(&zero, data + zero_at, sizeof(zero));
	return zero ? bad(failure, "a reserved word is used") : 0;
}

static bool is_grant_slot(uint32_t slot)
{
	return slot >= SLOT_GRANT && slot < SLOT_GRANT + KS_MAX_GRANTS;
}

/* A head and two strings; the first is an absolute path, and descriptors are from their ranges. */
static int check_mount(const char *data, size_t len, struct failure *failure)
{
	const char *names = data + sizeof(struct spec_mount);
	const char *end;
	struct spec_mount mount;
	size_t rest;

	if (len < sizeof(mount))
		return bad(failure, "a record of another size");
	memcpy(&mount, data, sizeof(mount));
	rest = len - sizeof(mount);
	end = memchr(names, '\0', rest);
	if (!end || names[0] != '/' || !is_string(end + 1, rest - (size_t)(end + 1 - names)))
		return bad(failure, "a mount without its two names");
	if (mount.kind < SPEC_MOUNT_BIND_HOST || mount.kind > SPEC_MOUNT_DEVICE ||
		mount.flags & ~(uint32_t)SPEC_MOUNT_WRITABLE)
		return bad(failure, "a mount of an unknown kind");
	if (mount.kind == SPEC_MOUNT_BIND_GRANT && !is_grant_slot(mount.slot))
		return bad(failure, "a mount from a descriptor that is for something else");
	return 0;
}

static int check_rule(const char *data, size_t len, struct failure *failure)
{
	struct spec_rule rule;
	int r = check_repeated(data, len, sizeof(rule), true, 0, failure);

	if (r < 0)
		return r;
	memcpy(&rule, data, sizeof(rule));
	return rule.slot && !is_grant_slot(rule.slot)
		       ? bad(failure, "a rule for a descriptor that is for something else")
		       : 0;
}

static int take_repeated(uint32_t type, const char *data, size_t len, struct failure *failure)
{
	switch (type) {
	case SPEC_RLIMIT:
		return check_repeated(data, len, sizeof(struct spec_rlimit), false,
			offsetof(struct spec_rlimit, zero), failure);
	case SPEC_VERIFY:
		return check_repeated(data, len, sizeof(struct spec_verify), true,
			offsetof(struct spec_verify, zero), failure);
	case SPEC_RULE:
		return check_rule(data, len, failure);
	case SPEC_CLOSED:
		return is_string(data, len) ? 0 : bad(failure, "a string without its end");
	case SPEC_STAGE:
		return check_repeated(data, len, sizeof(struct spec_stage), false, 0, failure);
	case SPEC_LOOPBACK:
		return check_repeated(data, len, sizeof(struct spec_loopback), false,
			offsetof(struct spec_loopback, zero), failure);
	case SPEC_MOUNT:
		return check_mount(data, len, failure);
	default:
		return bad(failure, "an unknown record");
	}
}

static int take_record(
	struct spec *spec, uint32_t type, const char *data, size_t len, struct failure *failure)
{
	switch (type) {
	case SPEC_ARG:
		return take_list(
			(struct list){spec->argv, &spec->argc, KS_MAX_ARGS}, data, len, failure);
	case SPEC_ENV:
		return take_list(
			(struct list){spec->envp, &spec->envc, SPEC_MAX_ENV}, data, len, failure);
	case SPEC_HELPER_ARG:
		return take_list((struct list){spec->helper, &spec->n_helper, KS_MAX_ARGS}, data,
			len, failure);
	case SPEC_CWD:
		return take_string(&spec->cwd, data, len, failure);
	case SPEC_SEARCH:
		return take_string(&spec->search, data, len, failure);
	case SPEC_HOSTNAME:
		return take_string(&spec->hostname, data, len, failure);
	case SPEC_IDS:
		return take_fixed(
			(const void **)&spec->ids, data, len, sizeof(*spec->ids), failure);
	case SPEC_KERNEL_IDS:
		return take_fixed((const void **)&spec->kernel_ids, data, len,
			sizeof(*spec->kernel_ids), failure);
	case SPEC_FLAGS:
		return take_fixed((const void **)&spec->flag_bits, data, len,
			sizeof(*spec->flag_bits), failure);
	case SPEC_WINSIZE:
		return take_fixed(
			(const void **)&spec->winsize, data, len, sizeof(*spec->winsize), failure);
	case SPEC_LANDLOCK:
		return take_fixed((const void **)&spec->landlock, data, len,
			sizeof(*spec->landlock), failure);
	case SPEC_TEMPORARY:
		if (spec->temporary)
			return bad(failure, "a record is there twice");
		spec->temporary = (const void *)data;
		return check_repeated(data, len, sizeof(*spec->temporary), true,
			offsetof(struct spec_temporary, zero), failure);
	case SPEC_EXTRA:
		return take_fixed(
			(const void **)&spec->extra, data, len, sizeof(*spec->extra), failure);
	case SPEC_EGRESS:
		return take_ports(spec, data, len, failure);
	case SPEC_FILTER_NOTIFY:
		return take_filter(&spec->notify, data, len, failure);
	case SPEC_FILTER_KILL:
		return take_filter(&spec->kill, data, len, failure);
	default:
		return take_repeated(type, data, len, failure);
	}
}

static int check_header(const struct spec_header *header, size_t size, struct failure *failure)
{
	if (size < sizeof(*header) || size > KS_MAX_SPEC_BYTES || header->magic != SPEC_MAGIC)
		return bad(failure, "this is no spec");
	if (header->version != SPEC_VERSION)
		return failure_set(failure, EPROTONOSUPPORT, "spec",
			"kastellan-init and the library are of different versions");
	if (header->size != size)
		return bad(failure, "cut off, or longer than it says");
	return 0;
}

/* The records must fill the text to its last byte, padding included. */
static int take_records(struct spec *spec, uint32_t records, struct failure *failure)
{
	static const char zeroes[8];
	size_t at = sizeof(struct spec_header);

	for (; records > 0; records--) {
		const struct spec_record *record = (const void *)(spec->text + at);
		int r;

		if (spec->size - at < sizeof(*record))
			return bad(failure, "fewer records than it says");
		at += sizeof(*record);
		if (record->len > spec->size - at || padded(record->len) > spec->size - at)
			return bad(failure, "a record reaches past the end");
		if (memcmp(spec->text + at + record->len, zeroes,
			    padded(record->len) - record->len) != 0)
			return bad(failure, "padding that is not zero");
		r = take_record(spec, record->type, spec->text + at, record->len, failure);
		if (r < 0)
			return r;
		at += padded(record->len);
	}
	return at == spec->size ? 0 : bad(failure, "more records than it says");
}

/* Only where their slots are not the helper's files. */
static int check_extra(const struct spec *spec, struct failure *failure)
{
	if (!spec->extra)
		return 0;
	if (!spec->hostname)
		return bad(failure, "further descriptors for the worker of a jail with a helper");
	if (*spec->extra < 1 || *spec->extra > SPEC_MAX_EXTRA)
		return bad(failure, "an impossible number of further descriptors");
	if (SLOT_EXTRA + *spec->extra > SLOT_EGRESS && spec->ports)
		return bad(failure, "a further descriptor in the place of the network's");
	return 0;
}

int spec_parse(const void *text, size_t size, struct spec *ret, struct failure *failure)
{
	const struct spec_header *header = text;
	int r = check_header(header, size, failure);

	if (r < 0)
		return r;
	memset(ret, 0, offsetof(struct spec, envp));
	ret->text = text;
	ret->size = size;
	r = take_records(ret, header->records, failure);
	if (r < 0)
		return r;
	ret->argv[ret->argc] = ret->envp[ret->envc] = ret->helper[ret->n_helper] = NULL;
	if (spec_flags(ret) & ~(uint32_t)KNOWN_FLAGS)
		return bad(failure, "an unknown flag");
	if (ret->landlock && ret->landlock->zero)
		return bad(failure, "a reserved word is used");
	return check_extra(ret, failure);
}

int spec_load(int fd, struct spec *ret, struct failure *failure)
{
	struct stat st;
	void *text;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return failure_set(failure, errno, "spec", "the descriptor is no memfd");
	if ((seals & NEEDED_SEALS) != NEEDED_SEALS)
		return failure_set(failure, EPERM, "spec", "not sealed");
	if (fstat(fd, &st) < 0)
		return failure_set(failure, errno, "spec", "cannot be looked at");
	if (st.st_size < (off_t)sizeof(struct spec_header) || st.st_size > KS_MAX_SPEC_BYTES)
		return bad(failure, "this is no spec");
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return failure_set(failure, errno, "spec", "cannot be mapped");
	return spec_parse(text, (size_t)st.st_size, ret, failure);
}

const void *spec_next(const struct spec *spec, uint32_t type, size_t *cursor)
{
	size_t at = *cursor ? *cursor : sizeof(struct spec_header);

	while (at < spec->size) {
		const struct spec_record *record = (const void *)(spec->text + at);
		const char *data = spec->text + at + sizeof(*record);

		at += sizeof(*record) + padded(record->len);
		*cursor = at;
		if (record->type == type)
			return data;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/jail/spec_write.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "linux/jail/memory_file.h"

void spec_writer_init(struct spec_writer *writer)
{
	const struct spec_header header = {.magic = SPEC_MAGIC, .version = SPEC_VERSION};

	writer->records = 0;
	strbuf_init(&writer->text, KS_MAX_SPEC_BYTES);
	strbuf_add(&writer->text, &header, sizeof(header));
}

void spec_writer_done(struct spec_writer *writer)
{
	strbuf_done(&writer->text);
}

/* A record in two parts: most are a fixed head with a string behind it. */
static void add_parts(struct spec_writer *writer, uint32_t type, const void *head, size_t head_len,
	const void *tail, size_t tail_len)
{
	static const char zeroes[8];
	struct spec_record record = {.type = type};

	/* Beyond the ceiling the length would not fit its field: the buffer turns it down. */
	if (head_len < KS_MAX_SPEC_BYTES && tail_len < KS_MAX_SPEC_BYTES)
		record.len = (uint32_t)(head_len + tail_len);
	strbuf_add(&writer->text, &record, sizeof(record));
	strbuf_add(&writer->text, head, head_len);
	strbuf_add(&writer->text, tail, tail_len);
	strbuf_add(&writer->text, zeroes, (8 - (head_len + tail_len) % 8) % 8);
	writer->records++;
}

void spec_add(struct spec_writer *writer, uint32_t type, const void *data, size_t len)
{
	add_parts(writer, type, data, len, NULL, 0);
}

void spec_add_string(struct spec_writer *writer, uint32_t type, const char *text)
{
	spec_add(writer, type, text, strlen(text) + 1);
}

void spec_add_strings(struct spec_writer *writer, uint32_t type, const char *const *texts)
{
	for (; texts && *texts; texts++)
		spec_add_string(writer, type, *texts);
}

void spec_add_env(struct spec_writer *writer, const char *name, const char *value)
{
	struct strbuf text;

	strbuf_init(&text, KS_MAX_ENV_BYTES);
	strbuf_addf(&text, "%s=%s", name, value);
	if (text.error && !writer->text.error)
		writer->text.error = text.error;
	if (!text.error)
		spec_add(writer, SPEC_ENV, text.data, text.len + 1);
	strbuf_done(&text);
}

void spec_add_ids(struct spec_writer *writer, uint32_t type, uint32_t uid, uint32_t gid)
{
	const struct spec_ids ids = {.uid = uid, .gid = gid};

	spec_add(writer, type, &ids, sizeof(ids));
}

void spec_add_flags(struct spec_writer *writer, uint32_t flags)
{
	spec_add(writer, SPEC_FLAGS, &flags, sizeof(flags));
}

void spec_add_winsize(struct spec_writer *writer, const struct spec_winsize *winsize)
{
	spec_add(writer, SPEC_WINSIZE, winsize, sizeof(*winsize));
}

void spec_add_rlimit(struct spec_writer *writer, int resource, uint64_t soft, uint64_t hard)
{
	const struct spec_rlimit limit = {
		.resource = (uint32_t)resource, .soft = soft, .hard = hard};

	spec_add(writer, SPEC_RLIMIT, &limit, sizeof(limit));
}

void spec_add_verify(
	struct spec_writer *writer, const char *path, uint64_t dev, uint64_t ino, bool read_only)
{
	const struct spec_verify verify = {.dev = dev, .ino = ino, .read_only = read_only};

	add_parts(writer, SPEC_VERIFY, &verify, sizeof(verify), path, strlen(path) + 1);
}

void spec_add_landlock(struct spec_writer *writer, uint32_t abi, uint64_t handled_fs,
	uint64_t handled_net, uint64_t scoped)
{
	const struct spec_landlock landlock = {
		.handled_fs = handled_fs, .handled_net = handled_net, .scoped = scoped, .abi = abi};

	spec_add(writer, SPEC_LANDLOCK, &landlock, sizeof(landlock));
}

void spec_add_rule(
	struct spec_writer *writer, const char *path, uint64_t access, bool optional, uint32_t slot)
{
	const struct spec_rule rule = {.access = access, .optional = optional, .slot = slot};

	add_parts(writer, SPEC_RULE, &rule, sizeof(rule), path, strlen(path) + 1);
}

void spec_add_temporary(struct spec_writer *writer, const char *path, uint64_t access, bool named)
{
	const struct spec_temporary temporary = {.access = access, .named = named};

	add_parts(writer, SPEC_TEMPORARY, &temporary, sizeof(temporary), path, strlen(path) + 1);
}

void spec_add_filter(struct spec_writer *writer, uint32_t type,
	const struct sock_filter *instructions, size_t count)
{
	spec_add(writer, type, instructions, count * sizeof(*instructions));
}

void spec_add_stage(struct spec_writer *writer, int slot, bool directory, uint32_t owner_uid,
	uint32_t owner_gid)
{
	const struct spec_stage stage = {.slot = (uint32_t)slot,
		.directory = directory,
		.owner_uid = owner_uid,
		.owner_gid = owner_gid};

	spec_add(writer, SPEC_STAGE, &stage, sizeof(stage));
}

void spec_add_loopback(struct spec_writer *writer, const uint8_t address[16], uint16_t port)
{
	struct spec_loopback record = {.port = port};

	memcpy(record.address, address, sizeof(record.address));
	spec_add(writer, SPEC_LOOPBACK, &record, sizeof(record));
}

void spec_add_ports(struct spec_writer *writer, const uint16_t *ports, size_t n_ports)
{
	spec_add(writer, SPEC_EGRESS, ports, n_ports * sizeof(ports[0]));
}

void spec_add_mount(struct spec_writer *writer, const struct spec_mount *mount, const char *path,
	const char *source)
{
	autostrbuf struct strbuf names;

	strbuf_init(&names, (size_t)2 * (KS_MAX_PATH + 1));
	strbuf_add(&names, path, strlen(path) + 1);
	strbuf_add(&names, source ? source : "", source ? strlen(source) + 1 : 1);
	if (names.error && !writer->text.error)
		writer->text.error = names.error;
	if (!names.error)
		add_parts(writer, SPEC_MOUNT, mount, sizeof(*mount), names.data, names.len);
}

int spec_writer_seal(struct spec_writer *writer, ks_error **reterr)
{
	struct spec_header header = {.magic = SPEC_MAGIC,
		.version = SPEC_VERSION,
		.size = (uint32_t)writer->text.len,
		.records = writer->records};
	int r = writer->text.error;

	if (r == -ENOMEM)
		return error_oom(reterr);
	if (r < 0)
		return error_set(reterr, r,
			ABOUT(.step = "spec",
				.remedy = "shorten the arguments, the environment or the grants"),
			"what the worker is to be told exceeds %d bytes", KS_MAX_SPEC_BYTES);
	memcpy(writer->text.data, &header, sizeof(header));
	r = memory_file("kastellan-spec", writer->text.data, writer->text.len);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "spec"),
			"cannot make the memory file: %s", strerror(-r));
	return r;
}

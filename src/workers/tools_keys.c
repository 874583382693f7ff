/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/bounds.h"
#include "workers/tools.h"

static const struct tool_key tool_rows[] = {
	{
		.name = "program",
		.type = "string",
		.example = "\"/usr/bin/node\"",
		.meaning = "What is executed: an absolute path, or a name that is looked for in "
			   "the system directories of the jail.",
		.read = read_program,
		.schema = schema_program,
	},
	{
		.name = "arguments",
		.type = "array of strings",
		.default_text = "[]",
		.example = "[\"/srv/mcp/server.js\", \"--stdio\"]",
		.maximum = KS_MAX_ARGS - 1,
		.meaning = "What the program is given. Nothing is expanded.",
		.read = read_arguments,
		.schema = schema_arguments,
	},
	{
		.name = "working_directory",
		.type = "string or null",
		.default_text = "null",
		.example = "\"/srv/data\"",
		.meaning = "Absolute path inside the jail; null is \"/\". It grants nothing.",
		.read = read_directory,
		.schema = schema_directory,
	},
	{
		.name = "policy",
		.type = "object or string",
		.default_text = "{}",
		.example = "\"filesystem.json\"",
		.meaning = "The policy itself, or the path of its file; a relative path starts at "
			   "the manifest's directory. See kastellan-policy(5).",
		.read = read_tool_policy,
		.schema = schema_tool_policy,
	},
	{
		.name = "sandbox_backend",
		.type = "string or null",
		.default_text = "null",
		.example = "\"Bwrap\"",
		.meaning = "The kind of backend, of those of this operating system; null takes its "
			   "default.",
		.read = read_backend,
		.schema = schema_backend,
	},
	{
		.name = "container_image",
		.type = "string or null",
		.default_text = "null",
		.example = "\"alpine:3.20\"",
		.maximum = KS_MAX_IMAGE_NAME,
		.meaning = "The image of a backend that has images; others ignore it. null takes "
			   "the backend's own.",
		.read = read_image,
		.schema = schema_image,
	},
	{
		.name = "lifecycle",
		.type = "\"SingleUse\" or {\"IdleTimeout\": {...}}",
		.default_text = "\"SingleUse\"",
		.example = "{\"IdleTimeout\": {\"idle_seconds\": 300}}",
		.meaning = "A worker for each request, or warm workers for many.",
		.read = read_lifecycle,
		.schema = schema_lifecycle,
	},
	{
		.name = "wall_ms",
		.type = "integer",
		.default_text = "30000",
		.example = "5000",
		.unit = "milliseconds",
		.maximum = KS_MAX_CPU_MS,
		.offset = offsetof(struct tool, wall_ms),
		.meaning = "How long the answer to one request may take; 0 = unlimited.",
		.read = read_count,
		.schema = schema_count,
	},
	{
		.name = "max_message_bytes",
		.type = "integer",
		.default_text = "1048576",
		.example = "65536",
		.unit = "bytes",
		.minimum = 256,
		.maximum = KS_MAX_MESSAGE_BYTES,
		.offset = offsetof(struct tool, max_message_bytes),
		.meaning = "The longest message in either direction.",
		.read = read_count,
		.schema = schema_count,
	},
};

static const struct tool_key idle_rows[] = {
	{
		.name = "idle_seconds",
		.type = "integer",
		.default_text = "300",
		.example = "60",
		.unit = "seconds",
		.maximum = KS_MAX_SECONDS,
		.offset = offsetof(struct tool, idle_seconds),
		.meaning = "A worker that nobody has used for so long is ended; 0 = unlimited.",
		.read = read_count,
		.schema = schema_count,
	},
	{
		.name = "max_requests",
		.type = "integer",
		.default_text = "0",
		.example = "1000",
		.unit = "requests",
		.maximum = KS_MAX_COUNT,
		.offset = offsetof(struct tool, max_requests),
		.meaning = "A worker is ended after so many; 0 = unlimited.",
		.read = read_count,
		.schema = schema_count,
	},
	{
		.name = "max_age_seconds",
		.type = "integer",
		.default_text = "0",
		.example = "3600",
		.unit = "seconds",
		.maximum = KS_MAX_SECONDS,
		.offset = offsetof(struct tool, max_age_seconds),
		.meaning = "A worker that is so old gets no further request; 0 = unlimited.",
		.read = read_count,
		.schema = schema_count,
	},
	{
		.name = "instances",
		.type = "integer",
		.default_text = "1",
		.example = "4",
		.unit = "workers",
		.maximum = KS_WORKERS_MAX,
		.offset = offsetof(struct tool, instances),
		.meaning = "Workers at once: with 1, requests are carried out one after the other; "
			   "0 = as many as there are callers, up to 256.",
		.read = read_count,
		.schema = schema_count,
	},
};

const struct tool_keys tool_keys = {tool_rows, sizeof(tool_rows) / sizeof(tool_rows[0]), "a tool"};
const struct tool_keys idle_keys = {
	idle_rows, sizeof(idle_rows) / sizeof(idle_rows[0]), "IdleTimeout"};

int tool_key_find(const struct tool_keys *keys, const char *name, size_t len)
{
	for (size_t i = 0; i < keys->len; i++)
		if (strlen(keys->rows[i].name) == len && memcmp(keys->rows[i].name, name, len) == 0)
			return (int)i;
	return -1;
}

const char *tool_backend_name(size_t index, enum ks_backend_kind *ret_kind)
{
	static const char *const names[][2] = {
		{"Bwrap", "bwrap"},
		{"Native", "native"},
		{"Landlock", "landlock"},
		{"FirecrackerVm", "firecracker"},
		{"QemuVm", "qemu"},
		{"Seatbelt", "seatbelt"},
		{"Container", "container"},
	};

	if (index >= sizeof(names) / sizeof(names[0]))
		return NULL;
	if (ks_backend_kind_from_name(names[index][1], ret_kind, NULL) < 0)
		*ret_kind = KS_BACKEND_NONE;
	return names[index][0];
}

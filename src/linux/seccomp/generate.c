/* SPDX-License-Identifier: Apache-2.0 */
/* A tool of the build: writes every filter of workers, of the egress proxy or of the file server,
 * as a C array to the file named. The same table gives the same bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux/seccomp/compile.h"

static const char *const machine_names[MACHINE_COUNT] = {
	[MACHINE_X86_64] = "x86_64",
	[MACHINE_AARCH64] = "aarch64",
};
/* Both profiles, then without namespaces: where Landlock does not hold signals, where it does; then
 * around an emulator without a network, and with one. */
#define AROUND_EMULATOR (SECCOMP_PROFILES + 2)
#define PLACES (AROUND_EMULATOR + 2)

static const char *const place_names[PLACES] = {
	[KS_PROFILE_WORKER_STRICT] = "strict",
	[KS_PROFILE_WORKER_NET_CLIENT] = "net_client",
	[SECCOMP_PROFILES] = "host_unscoped",
	[SECCOMP_PROFILES + 1] = "host_scoped",
	[AROUND_EMULATOR] = "machine",
	[AROUND_EMULATOR + 1] = "machine_net",
};
static const char *const variant_names[2] = {"kill", "notify"};

#define NAME 64

static struct sock_filter code[SECCOMP_MAX_INSTRUCTIONS];

static void write_code(FILE *out, const char *name, int len)
{
	fprintf(out, "\nstatic const struct sock_filter %s[] = {\n", name);
	for (int i = 0; i < len; i++)
		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt,
			code[i].jf, code[i].k);
	fprintf(out, "};\n");
}

static void write_head(FILE *out, const char *tables)
{
	fprintf(out,
		"/* SPDX-License-Identifier: Apache-2.0 */\n"
		"/* Written by src/linux/seccomp/generate.c from %s. */\n"
		"#include \"linux/seccomp/programs.h\"\n",
		tables);
}

static void name_worker(char name[NAME], int machine, int place, int notify)
{
	snprintf(name, NAME, "%s_%s_%s", machine_names[machine], place_names[place],
		variant_names[notify]);
}

static int compile_worker(int machine, int place, int notify)
{
	if (place < SECCOMP_PROFILES)
		return seccomp_compile(machine, place, notify, code, SECCOMP_MAX_INSTRUCTIONS);
	if (place >= AROUND_EMULATOR)
		return seccomp_compile_machine(
			machine, place > AROUND_EMULATOR, notify, code, SECCOMP_MAX_INSTRUCTIONS);
	return seccomp_compile_host(
		machine, place > SECCOMP_PROFILES, notify, code, SECCOMP_MAX_INSTRUCTIONS);
}

/* One array of the programs of two places. */
static void write_places(FILE *out, const char *name, int first)
{
	char program[NAME];

	fprintf(out, "\nconst struct seccomp_program %s[MACHINE_COUNT][2][2] = {\n", name);
	for (int i = 0; i < MACHINE_COUNT * 2 * 2; i++) {
		int place = first + i / 2 % 2;

		name_worker(program, i / 4, place, i % 2);
		fprintf(out, "\t[%d][%d][%d] = { %s, sizeof(%s) / sizeof(struct sock_filter) },\n",
			i / 4, place % SECCOMP_PROFILES, i % 2, program, program);
	}
	fprintf(out, "};\n");
}

static int write_workers(FILE *out)
{
	char name[NAME];

	write_head(out, "syscalls.def, host.def, machine.def and rules.c");
	for (int i = 0; i < MACHINE_COUNT * PLACES * 2; i++) {
		int machine = i / (PLACES * 2);
		int place = i / 2 % PLACES;
		int len = compile_worker(machine, place, i % 2);

		if (len < 0)
			return len;
		name_worker(name, machine, place, i % 2);
		write_code(out, name, len);
	}
	write_places(out, "seccomp_programs", 0);
	write_places(out, "seccomp_host_programs", SECCOMP_PROFILES);
	write_places(out, "seccomp_machine_programs", AROUND_EMULATOR);
	return 0;
}

static const char *const egress_names[2] = {"proxy", "resolver"};

static int write_egress(FILE *out)
{
	char name[NAME];

	write_head(out, "syscalls.def, egress.def and rules_egress.c");
	for (int i = 0; i < MACHINE_COUNT * 2; i++) {
		int len = seccomp_compile_egress(i / 2, i % 2, code, SECCOMP_MAX_INSTRUCTIONS);

		if (len < 0)
			return len;
		snprintf(name, NAME, "%s_%s", machine_names[i / 2], egress_names[i % 2]);
		write_code(out, name, len);
	}
	fprintf(out,
		"\nconst struct seccomp_program seccomp_egress_programs[MACHINE_COUNT][2] = {\n");
	for (int i = 0; i < MACHINE_COUNT * 2; i++) {
		snprintf(name, NAME, "%s_%s", machine_names[i / 2], egress_names[i % 2]);
		fprintf(out, "\t[%d][%d] = { %s, sizeof(%s) / sizeof(struct sock_filter) },\n",
			i / 2, i % 2, name, name);
	}
	fprintf(out, "};\n");
	return 0;
}

static int write_files(FILE *out)
{
	char name[NAME];

	write_head(out, "syscalls.def, files.def and rules_egress.c");
	for (int i = 0; i < MACHINE_COUNT; i++) {
		int len = seccomp_compile_files(i, code, SECCOMP_MAX_INSTRUCTIONS);

		if (len < 0)
			return len;
		snprintf(name, NAME, "%s_files", machine_names[i]);
		write_code(out, name, len);
	}
	fprintf(out, "\nconst struct seccomp_program seccomp_files_programs[MACHINE_COUNT] = {\n");
	for (int i = 0; i < MACHINE_COUNT; i++) {
		snprintf(name, NAME, "%s_files", machine_names[i]);
		fprintf(out, "\t[%d] = { %s, sizeof(%s) / sizeof(struct sock_filter) },\n", i, name,
			name);
	}
	fprintf(out, "};\n");
	return 0;
}

static const struct {
	const char *name;
	int (*write)(FILE *out);
} kinds[] = {{"workers", write_workers}, {"egress", write_egress}, {"files", write_files}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int write_all(FILE *out, size_t kind)
{
	int r = kinds[kind].write(out);

	return r == 0 && ferror(out) ? -EIO : r;
}

int main(int argc, char **argv)
{
	size_t kind = 0;
	const char *path;
	FILE *out;
	int r;

	while (argc == 3 && kind < KINDS && strcmp(argv[1], kinds[kind].name) != 0)
		kind++;
	if (argc != 3 || kind == KINDS) {
		fprintf(stderr, "usage: seccomp-generate workers|egress|files OUTPUT.c\n");
		return EXIT_FAILURE;
	}
	path = argv[2];
	out = fopen(path, "w");
	if (!out) {
		fprintf(stderr, "seccomp-generate: %s: %s\n", path, strerror(errno));
		return EXIT_FAILURE;
	}
	r = write_all(out, kind);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	if (r < 0) {
		fprintf(stderr, "seccomp-generate: %s: %s\n", path,
			r == -EINVAL ? "the table is not sound" : strerror(-r));
		remove(path);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

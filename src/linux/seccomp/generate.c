/* SPDX-License-Identifier: Apache-2.0 */
/* A tool of the build: writes every filter as a C array to the file named. The same table gives the
 * same bytes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linux/seccomp/compile.h"

static const char *const machine_names[MACHINE_COUNT] = {
	[MACHINE_X86_64] = "x86_64",
	[MACHINE_AARCH64] = "aarch64",
};
/* Both profiles, then without namespaces: where Landlock does not hold signals, where it does. */
#define PLACES (SECCOMP_PROFILES + 2)

static const char *const place_names[PLACES] = {
	[KS_PROFILE_WORKER_STRICT] = "strict",
	[KS_PROFILE_WORKER_NET_CLIENT] = "net_client",
	[SECCOMP_PROFILES] = "host_unscoped",
	[SECCOMP_PROFILES + 1] = "host_scoped",
};
static const char *const variant_names[2] = {"kill", "notify"};

static void write_name(FILE *out, int machine, int place, int notify)
{
	fprintf(out, "%s_%s_%s", machine_names[machine], place_names[place], variant_names[notify]);
}

static int compile(int machine, int place, int notify, struct sock_filter *code)
{
	if (place < SECCOMP_PROFILES)
		return seccomp_compile(machine, place, notify, code, SECCOMP_MAX_INSTRUCTIONS);
	return seccomp_compile_host(
		machine, place > SECCOMP_PROFILES, notify, code, SECCOMP_MAX_INSTRUCTIONS);
}

static int write_program(FILE *out, int machine, int place, int notify)
{
	static struct sock_filter code[SECCOMP_MAX_INSTRUCTIONS];
	int len = compile(machine, place, notify, code);

	if (len < 0)
		return len;
	fprintf(out, "\nstatic const struct sock_filter ");
	write_name(out, machine, place, notify);
	fprintf(out, "[] = {\n");
	for (int i = 0; i < len; i++)
		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt,
			code[i].jf, code[i].k);
	fprintf(out, "};\n");
	return 0;
}

static void write_entry(FILE *out, int machine, int place, int notify)
{
	fprintf(out, "\t[%d][%d][%d] = { ", machine, place % SECCOMP_PROFILES, notify);
	write_name(out, machine, place, notify);
	fprintf(out, ", sizeof(");
	write_name(out, machine, place, notify);
	fprintf(out, ") / sizeof(struct sock_filter) },\n");
}

/* One array of the programs of two places. */
static void write_array(FILE *out, const char *name, int first)
{
	fprintf(out, "\nconst struct seccomp_program %s[MACHINE_COUNT][2][2] = {\n", name);
	for (int i = 0; i < MACHINE_COUNT * 2 * 2; i++)
		write_entry(out, i / 4, first + i / 2 % 2, i % 2);
	fprintf(out, "};\n");
}

static int write_all(FILE *out)
{
	fprintf(out, "/* SPDX-License-Identifier: Apache-2.0 */\n"
		     "/* Written by src/linux/seccomp/generate.c from syscalls.def, host.def and "
		     "rules.c. "
		     "*/\n"
		     "#include \"linux/seccomp/programs.h\"\n");
	for (int i = 0; i < MACHINE_COUNT * PLACES * 2; i++) {
		int r = write_program(out, i / (PLACES * 2), i / 2 % PLACES, i % 2);

		if (r < 0)
			return r;
	}
	write_array(out, "seccomp_programs", 0);
	write_array(out, "seccomp_host_programs", SECCOMP_PROFILES);
	return ferror(out) ? -EIO : 0;
}

int main(int argc, char **argv)
{
	FILE *out;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: seccomp-generate OUTPUT.c\n");
		return EXIT_FAILURE;
	}
	out = fopen(argv[1], "w");
	if (!out) {
		fprintf(stderr, "seccomp-generate: %s: %s\n", argv[1], strerror(errno));
		return EXIT_FAILURE;
	}
	r = write_all(out);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	if (r < 0) {
		fprintf(stderr, "seccomp-generate: %s: %s\n", argv[1],
			r == -EINVAL ? "the table is not sound" : strerror(-r));
		remove(argv[1]);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

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
static const char *const profile_names[SECCOMP_PROFILES] = {
	[KS_PROFILE_WORKER_STRICT] = "strict",
	[KS_PROFILE_WORKER_NET_CLIENT] = "net_client",
};
static const char *const variant_names[2] = {"kill", "notify"};

static void write_name(FILE *out, int machine, int profile, int notify)
{
	fprintf(out, "%s_%s_%s", machine_names[machine], profile_names[profile],
		variant_names[notify]);
}

static int write_program(FILE *out, int machine, int profile, int notify)
{
	static struct sock_filter code[SECCOMP_MAX_INSTRUCTIONS];
	int len = seccomp_compile(machine, profile, notify, code, SECCOMP_MAX_INSTRUCTIONS);

	if (len < 0)
		return len;
	fprintf(out, "\nstatic const struct sock_filter ");
	write_name(out, machine, profile, notify);
	fprintf(out, "[] = {\n");
	for (int i = 0; i < len; i++)
		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt,
			code[i].jf, code[i].k);
	fprintf(out, "};\n");
	return 0;
}

static void write_entry(FILE *out, int machine, int profile, int notify)
{
	fprintf(out, "\t[%d][%d][%d] = { ", machine, profile, notify);
	write_name(out, machine, profile, notify);
	fprintf(out, ", sizeof(");
	write_name(out, machine, profile, notify);
	fprintf(out, ") / sizeof(struct sock_filter) },\n");
}

static int write_all(FILE *out)
{
	fprintf(out,
		"/* SPDX-License-Identifier: Apache-2.0 */\n"
		"/* Written by src/linux/seccomp/generate.c from syscalls.def and rules.c. */\n"
		"#include \"linux/seccomp/programs.h\"\n");
	for (int i = 0; i < MACHINE_COUNT * SECCOMP_PROFILES * 2; i++) {
		int r = write_program(out, i / 4, i / 2 % 2, i % 2);

		if (r < 0)
			return r;
	}
	fprintf(out, "\nconst struct seccomp_program "
		     "seccomp_programs[MACHINE_COUNT][SECCOMP_PROFILES][2] = {\n");
	for (int i = 0; i < MACHINE_COUNT * SECCOMP_PROFILES * 2; i++)
		write_entry(out, i / 4, i / 2 % 2, i % 2);
	fprintf(out, "};\n");
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

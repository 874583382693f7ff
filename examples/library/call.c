/* SPDX-License-Identifier: Apache-2.0 */
/* A program that uses tools by name: it reads a manifest, hands one request to a tool, and prints
 *the answer, or what went wrong.
 *
 *	cc call.c -o call $(pkg-config --cflags --libs kastellan)
 *	./call tools.json files '{"jsonrpc":"2.0","id":1,"method":"ping"}'
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kastellan/kastellan.h>

static void print_error(const ks_error *error)
{
	const char *said;

	for (const ks_error *e = error; e; e = ks_error_next(e)) {
		fprintf(stderr, "%s\n", ks_error_message(e));
		if (ks_error_remedy(e))
			fprintf(stderr, "  remedy: %s\n", ks_error_remedy(e));
	}
	if (!error)
		return;
	said = ks_error_stderr(error, NULL);
	fprintf(stderr, "fault: %s\n", ks_fault_name(ks_error_fault(error)));
	if (said)
		fprintf(stderr, "its last words: %s\n", said);
}

static int call(ks_backends *backends, const ks_tools *tools, char **argv, ks_error **error)
{
	ks_workers *workers = NULL;
	char *answer = NULL;
	int r = ks_workers_new(backends, tools, NULL, &workers, error);

	if (r == 0)
		r = ks_workers_call(
			workers, argv[2], argv[3], strlen(argv[3]), NULL, &answer, NULL, error);
	if (r == 0)
		puts(answer);
	free(answer);
	ks_workers_free(workers);
	return r;
}

int main(int argc, char **argv)
{
	ks_backends *backends = NULL;
	ks_tools *tools = NULL;
	ks_error *error = NULL;
	int r;

	if (argc != 4) {
		fprintf(stderr, "usage: call TOOLS.json TOOL REQUEST\n");
		return 2;
	}
	r = ks_tools_load(argv[1], &tools, &error);
	if (r == 0)
		r = ks_backends_new(&backends);
	if (r == 0)
		r = call(backends, tools, argv, &error);
	if (r < 0)
		print_error(error);
	ks_error_free(error);
	ks_tools_free(tools);
	ks_backends_free(backends);
	return r < 0;
}

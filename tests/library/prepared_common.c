/* SPDX-License-Identifier: Apache-2.0 */
#include "prepared_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char place[] = "/var/tmp/kastellan-prepared.XXXXXX";

const char *in_place(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", place, name);
	return path;
}

ks_prepared *prepare_for(const char *read, size_t ahead)
{
	struct ks_run_options options = {.size = sizeof(options), .allow_degraded = degraded};
	ks_prepared *prepared = NULL;
	ks_policy *policy = NULL;
	ks_error *error = NULL;
	int r = ks_policy_new(&policy);

	if (r == 0)
		r = ks_policy_add_read(policy, in_place(read), &error);
	if (r == 0)
		r = ks_policy_add_write(policy, in_place("write"), &error);
	if (r == 0)
		r = ks_policy_set_mem_mb(policy, 64, &error);
	if (r == 0)
		r = ks_prepared_new(backend, policy, &options, ahead, &prepared, &error);
	if (r == 0)
		r = ks_prepared_fill(prepared, &error);
	ks_policy_free(policy);
	if (r == 0 && ks_prepared_waiting(prepared) == ahead)
		return prepared;
	say(error);
	ks_prepared_free(prepared);
	return NULL;
}

ks_prepared *prepare(size_t ahead)
{
	return prepare_for("read", ahead);
}

const char *run(ks_prepared *prepared, const char *script)
{
	static char text[512];
	const char *argv[] = {"sh", "-c", script, NULL};
	struct ks_run_options options = {.size = sizeof(options), .timeout_ms = 20000};
	const ks_outcome *outcome;
	ks_child *child = NULL;
	ks_error *error = NULL;
	ssize_t len = 0;

	options.stdio[1] = KS_STDIO_PIPE;
	if (ks_prepared_spawn(prepared, argv, &options, &child, &error) == 0 &&
		ks_child_wait(child, &error) == 0)
		len = read(ks_child_stdio(child, 1), text, 255);
	len = len > 0 ? len : 0;
	outcome = child ? ks_child_outcome(child) : NULL;
	snprintf(text + len, sizeof(text) - (size_t)len, "[%s %d]",
		outcome ? ks_outcome_type_name(ks_outcome_type(outcome)) : "none",
		outcome ? ks_outcome_exit_code(outcome) : -1);
	say(error);
	ks_child_free(child);
	return text;
}

int says(ks_prepared *prepared, const char *script, const char *wanted)
{
	const char *found = run(prepared, script);

	if (strcmp(found, wanted) == 0)
		return 1;
	printf("# %s\n#   said %s\n#   and not %s\n", script, found, wanted);
	return 0;
}

int write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	return file && fputs(text, file) >= 0 && fclose(file) == 0;
}

int make_place(void)
{
	FILE *file;

	if (!mkdtemp(place) || chmod(place, 0755) < 0 || mkdir(in_place("read"), 0755) < 0 ||
		mkdir(in_place("write"), 0755) < 0 || chmod(in_place("write"), 0777) < 0)
		return -1;
	file = fopen(in_place("read/text"), "w");
	if (!file || fputs("granted\n", file) < 0 || fclose(file) < 0)
		return -1;
	file = fopen(in_place("secret"), "w");
	return file && fputs("secret\n", file) >= 0 && fclose(file) == 0 ? 0 : -1;
}

void remove_place(void)
{
	unlink(in_place("read/text"));
	unlink(in_place("secret"));
	rmdir(in_place("read"));
	rmdir(in_place("write"));
	rmdir(place);
}

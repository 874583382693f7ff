/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to spawn, one row each, and requests for them. */
#include "workers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct method methods[] = {
	{"bare", run_bare, KS_BACKEND_NONE, NULL, NULL},
	{"floor", run_floor, KS_BACKEND_NONE, NULL, NULL},
	{"least", run_least, KS_BACKEND_NONE, NULL, NULL},
	{"least-safe", run_least_safe, KS_BACKEND_NONE, NULL, NULL},
	{"least-prepared", run_least_prepared, KS_BACKEND_NONE, NULL, NULL},
	{"least-network", run_least_network, KS_BACKEND_NONE, NULL, NULL},
	{"command", run_command, KS_BACKEND_NONE, NULL, NULL},
	{"bwrap", run_jail, KS_BACKEND_BWRAP, NULL, NULL},
	{"native", run_jail, KS_BACKEND_NATIVE, NULL, NULL},
	{"allowlist", run_jail, KS_BACKEND_NATIVE, "api.example.com:443", NULL},
	{"sharedlist", run_shared, KS_BACKEND_NATIVE, "api.example.com:443", NULL},
	{"prepared", run_prepared, KS_BACKEND_NATIVE, NULL, NULL},
	{"prepared-whole", run_prepared_whole, KS_BACKEND_NATIVE, NULL, NULL},
	{"preparedlist", run_prepared, KS_BACKEND_NATIVE, "api.example.com:443", NULL},
	{"qemu", run_jail, KS_BACKEND_QEMU_VM, NULL, NULL},
	{"qemuprepared", run_prepared, KS_BACKEND_QEMU_VM, NULL, NULL},
	{"landlock", run_jail, KS_BACKEND_LANDLOCK, NULL, NULL},
	/* The manager of workers, on the Native backend; and the same worker on a bare pipe. */
	{"pipe", run_pipe, KS_BACKEND_NONE, NULL, plain_hold},
	{"jailedpipe", run_jailed_pipe, KS_BACKEND_NATIVE, NULL, NULL},
	{"watchedpipe", run_watched_pipe, KS_BACKEND_NATIVE, NULL, NULL},
	{"warm", run_warm, KS_BACKEND_NATIVE, NULL, warm_hold},
	{"acquire", run_acquire, KS_BACKEND_NATIVE, NULL, NULL},
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	return NULL;
}

int request_parse(const struct bench *bench, const char *text, struct request *ret_request,
	const char **ret_reason)
{
	struct request request = {0};
	char name[32];

	*ret_reason = "a request is METHOD/TARGET/GRANTS";
	if (sscanf(text, "%31[^/]/%63[^/]/%u", name, request.target, &request.grants) != 3 ||
		request.grants > BENCH_MAX_GRANTS)
		return -EINVAL;
	request.method = find_method(name);
	*ret_reason = "no such method in this version";
	if (!request.method)
		return -ENOENT;
	snprintf(request.program, sizeof(request.program), "%s/read/%s", bench->place,
		request.target);
	*ret_reason = "no policy can be made";
	if (request.method->kind != KS_BACKEND_NONE &&
		jail_policy(bench->place, request.grants, &request.policy) < 0)
		return -ENOMEM;
	if (request.method->endpoint &&
		ks_policy_add_endpoint(request.policy, request.method->endpoint, NULL) < 0) {
		request_done(&request);
		return -ENOMEM;
	}
	*ret_request = request;
	return 0;
}

void request_done(struct request *request)
{
	ks_policy_free(request->policy);
	request->policy = NULL;
}

static int split(char *line, struct strv *ret_words)
{
	int r = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *word = line; word && r == 0;) {
		char *tab = strchr(word, '\t');

		if (tab)
			*tab++ = '\0';
		r = strv_add(ret_words, word);
		word = tab;
	}
	return r;
}

int bench_load_commands(struct bench *bench, const char *path)
{
	static char line[65536];
	FILE *file = fopen(path, "re");
	int r = 0;

	if (!file)
		return -errno;
	bench->n_commands = 0;
	while (r == 0 && fgets(line, sizeof(line), file)) {
		struct strv *words = &bench->commands[bench->n_commands];

		if (bench->n_commands == BENCH_MAX_COMMANDS || !strchr(line, '\n'))
			r = -E2BIG;
		else
			r = split(line, words);
		if (r == 0)
			bench->n_commands++;
	}
	fclose(file);
	return r;
}

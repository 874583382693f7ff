/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that share the egress proxy of a pool, at once and one after the other.
 *
 *	pool BACKEND [FIELD,... [WORKERS]]   the fields may be degraded; so many workers come and go
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool_common.h"

#define PROXY "kastellan-egres" /* as the kernel cuts it */
#define HOLDS_ON "exec 3<>/dev/tcp/192.0.2.%d/%u; echo x >&3; read y <&3; echo $y; read z; "

static int workers = 60;

/* A worker that has a connection, and goes on with the script once it is told to, or ends. */
static ks_child *connected(ks_egress_pool *pool, int service, const char *then)
{
	char script[512];
	ks_child *child = NULL;

	snprintf(script, sizeof(script), HOLDS_ON "%s", service + 1, port, then);
	if (start(pool, policy_of(service), script, 0, &child) == 0 && says(child, PONG))
		return child;
	ks_child_free(child);
	return NULL;
}

static int has_denied_one(const ks_outcome *outcome, int service)
{
	struct ks_denied_destination denied = {.size = sizeof(denied)};
	char host[16];

	CHECK(ks_outcome_connections_denied(outcome) == 1);
	CHECK(ks_outcome_denied_destination(outcome, 0, &denied) == 0);
	snprintf(host, sizeof(host), "192.0.2.%d", service + 1);
	CHECK(strcmp(denied.host, host) == 0 && denied.port == port && denied.times == 1);
	CHECK(ks_outcome_denied_destination(outcome, 1, &denied) == -ENOENT);
	return 1;
}

/* Each reaches what the other may not, and neither what the other may. */
static int grants_are_apart(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *child[SERVICES] = {NULL, NULL};
	char text[256];
	pid_t proxy;

	for (int i = 0; i < SERVICES; i++) {
		child[i] = connected(pool, i, tries(1 - i));
		CHECK(child[i]);
	}
	CHECK(children_named(PROXY, &proxy) == 1);
	for (int i = 0; i < SERVICES; i++) {
		const ks_outcome *outcome;

		CHECK(strcmp(finish(child[i], text), "none\n") == 0);
		outcome = ks_child_outcome(child[i]);
		CHECK(ks_outcome_exit_code(outcome) == 0 && !ks_outcome_proxy_died(outcome));
		CHECK(ks_outcome_connections(outcome) == 1);
		CHECK(ks_outcome_bytes_sent(outcome) == 2);
		CHECK(ks_outcome_bytes_received(outcome) == strlen(PONG));
		CHECK(has_denied_one(outcome, 1 - i));
		ks_child_free(child[i]);
	}
	CHECK(children_named(PROXY, &proxy) == 1);
	ks_egress_pool_free(pool);
	CHECK(children_named(PROXY, &proxy) == 0 && children_named("kastellan-init", &proxy) == 0);
	return 1;
}

/* What the receipt says of the proxy. */
static int shares_by_receipt(ks_egress_pool *pool)
{
	struct ks_receipt_row row = {.size = sizeof(row)};
	ks_child *child = NULL;
	char text[256];
	int shares = -1;

	if (start(pool, policy_of(0), reaches(0), 0, &child) < 0)
		return -1;
	finish(child, text);
	for (size_t i = 0; ks_outcome_receipt(ks_child_outcome(child), i, &row) == 0; i++)
		if (strcmp(row.field, "egress") == 0)
			shares = strstr(row.mechanism, "one process for all workers of a pool") !=
				 NULL;
	ks_child_free(child);
	return shares;
}

static int receipt_tells(void)
{
	ks_egress_pool *pool = pool_new(NULL);

	CHECK(shares_by_receipt(pool) == 1 && shares_by_receipt(NULL) == 0);
	ks_egress_pool_free(pool);
	return 1;
}

static int read_all(int fd, char *text, size_t room)
{
	size_t len = 0;

	for (ssize_t got; len < room - 1 && (got = read(fd, text + len, room - 1 - len)) > 0;)
		len += (size_t)got;
	text[len] = '\0';
	close(fd);
	return (int)len;
}

static int audits_are_apart(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *child[SERVICES] = {NULL, NULL};
	int pairs[SERVICES][2];
	char text[8192], mine[32], other[32];

	for (int i = 0; i < SERVICES; i++) {
		const char *argv[] = {"bash", "-c", reaches(i), NULL};
		struct ks_run_options options = pool_options(pool);
		ks_policy *policy = policy_of(i);
		ks_error *error = NULL;

		CHECK(pipe(pairs[i]) == 0);
		options.egress_audit = 1;
		options.egress_audit_fd = pairs[i][1];
		CHECK(ks_child_spawn(backend, policy, argv, &options, &child[i], &error) == 0);
		ks_policy_free(policy);
		close(pairs[i][1]);
	}
	for (int i = 0; i < SERVICES; i++) {
		char said[256];

		CHECK(strcmp(finish(child[i], said), PONG) == 0);
		ks_child_free(child[i]);
		CHECK(read_all(pairs[i][0], text, sizeof(text)) > 0);
		snprintf(mine, sizeof(mine), "\"192.0.2.%d\"", i + 1);
		snprintf(other, sizeof(other), "\"192.0.2.%d\"", 2 - i);
		CHECK(strstr(text, mine) && !strstr(text, other));
		CHECK(strstr(text, "\"ev\":\"policy\"") && strstr(text, "\"ev\":\"summary\""));
	}
	ks_egress_pool_free(pool);
	return 1;
}

/* One whose table is full, and another that does not notice. */
static int a_full_table_is_its_own(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_policy *policy = policy_of(0);
	ks_child *full = NULL, *other = NULL;
	char script[512], text[256];

	CHECK(ks_policy_set_egress_connections(policy, 1, NULL) == 0);
	snprintf(script, sizeof(script), HOLDS_ON "%s", 1, port, tries(0));
	CHECK(start(pool, policy, script, 0, &full) == 0 && says(full, PONG));
	CHECK(start(pool, policy_of(0), reaches(0), 0, &other) == 0);
	CHECK(strcmp(finish(other, text), PONG) == 0);
	ks_child_free(other);
	CHECK(strcmp(finish(full, text), "none\n") == 0);
	CHECK(ks_outcome_connections(ks_child_outcome(full)) == 1);
	CHECK(ks_outcome_connections_denied(ks_child_outcome(full)) == 1);
	ks_child_free(full);
	ks_egress_pool_free(pool);
	return 1;
}

/* Whether a start is refused, with no program, where one is there already that takes all; and is
 * not once that has ended. */
static int is_refused(const struct ks_egress_pool_limits *limits)
{
	ks_egress_pool *pool = pool_new(limits);
	ks_child *first = connected(pool, 0, "true"), *second = NULL;
	char text[256];

	CHECK(first);
	CHECK(start(pool, policy_of(0), reaches(0), 1, &second) == -EUSERS && !second);
	CHECK(strcmp(finish(first, text), "") == 0);
	CHECK(ks_outcome_exit_code(ks_child_outcome(first)) == 0);
	ks_child_free(first);
	CHECK(start(pool, policy_of(0), reaches(0), 0, &second) == 0);
	CHECK(strcmp(finish(second, text), PONG) == 0);
	ks_child_free(second);
	ks_egress_pool_free(pool);
	return 1;
}

static int limits_refuse(void)
{
	const struct ks_egress_pool_limits limits[] = {
		{.size = sizeof(limits[0]), .workers = 1},
		{.size = sizeof(limits[0]), .connections = 300}, /* the default of a policy: 256 */
		{.size = sizeof(limits[0]), .names = 1500}, /* 1024 */
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		CHECK(is_refused(&limits[i]));
	return 1;
}

static int bad_limits(void)
{
	struct ks_egress_pool_limits limits = {.size = sizeof(limits), .workers = 16385};
	ks_egress_pool *pool = NULL;

	CHECK(ks_egress_pool_new(&limits, &pool, NULL) == -ERANGE && !pool);
	limits = (struct ks_egress_pool_limits){.size = sizeof(limits), .reserved = 1};
	CHECK(ks_egress_pool_new(&limits, &pool, NULL) == -EINVAL && !pool);
	limits = (struct ks_egress_pool_limits){.size = 0};
	CHECK(ks_egress_pool_new(&limits, &pool, NULL) == -EINVAL && !pool);
	ks_egress_pool_free(NULL);
	return 1;
}

static int death_reaches_all(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *child[SERVICES] = {NULL, NULL};
	char text[256];
	pid_t proxy, next;

	/* A connection that has ended is all that a worker sees. */
	for (int i = 0; i < SERVICES; i++) {
		child[i] = connected(pool, i, "read w <&3 || echo cut");
		CHECK(child[i]);
	}
	CHECK(children_named(PROXY, &proxy) == 1 && kill(proxy, SIGKILL) == 0);
	for (int i = 0; i < SERVICES; i++) {
		CHECK(strcmp(finish(child[i], text), "cut\n") == 0);
		CHECK(ks_outcome_proxy_died(ks_child_outcome(child[i])) == 1);
		CHECK(strcmp(ks_outcome_proxy_death(ks_child_outcome(child[i])), "signal") == 0);
		ks_child_free(child[i]);
	}
	CHECK(start(pool, policy_of(0), reaches(0), 0, &child[0]) == 0);
	CHECK(children_named(PROXY, &next) == 1 && next != proxy);
	CHECK(strcmp(finish(child[0], text), PONG) == 0);
	CHECK(!ks_outcome_proxy_died(ks_child_outcome(child[0])));
	ks_child_free(child[0]);
	ks_egress_pool_free(pool);
	return 1;
}

static int nothing_is_left(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *stays = connected(pool, 0, "true"), *child;
	char text[256];
	int before = 0, after;
	long memory = 0;
	pid_t proxy;

	CHECK(stays && children_named(PROXY, &proxy) == 1);
	for (int i = 0; i < workers; i++) {
		/* Some end with their connections, as some do in life. */
		child = i % 3 ? NULL : connected(pool, 1, "true");
		CHECK(i % 3 == 0 ? child != NULL
				 : start(pool, policy_of(1), reaches(1), 0, &child) == 0);
		if (i % 3)
			CHECK(strcmp(finish(child, text), PONG) == 0);
		ks_child_free(child);
		if (i != workers / 10)
			continue;
		before = descriptors_of(proxy);
		memory = memory_of(proxy);
	}
	/* The last one is closed behind the hang-up. */
	for (int waited = 0; (after = descriptors_of(proxy)) > before && waited < 3000; waited++)
		usleep(10000);
	printf("# after %d workers: %d descriptors (%d before), %ld KiB (%ld before)\n", workers,
		after, before, memory_of(proxy), memory);
	/* Only root may look at the descriptors of a process that nobody may look at. */
	CHECK(before > 0 || geteuid() != 0);
	CHECK(after <= before && memory > 0 && memory_of(proxy) < memory + 256);
	finish(stays, text);
	CHECK(ks_outcome_exit_code(ks_child_outcome(stays)) == 0);
	CHECK(!ks_outcome_proxy_died(ks_child_outcome(stays)));
	ks_child_free(stays);
	ks_egress_pool_free(pool);
	return 1;
}

static int pool_is_freed_early(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *child = connected(pool, 0, reaches(0));
	char text[256];
	pid_t proxy;

	CHECK(child);
	ks_egress_pool_free(pool);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	CHECK(!ks_outcome_proxy_died(ks_child_outcome(child)));
	ks_child_free(child);
	CHECK(children_named(PROXY, &proxy) == 0);
	return 1;
}

static int a_fork_has_none(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	ks_child *child = NULL;
	int status;
	char text[256];
	pid_t fork_of;

	CHECK(start(pool, policy_of(0), reaches(0), 0, &child) == 0);
	fork_of = fork();
	if (fork_of == 0) {
		ks_child *own = NULL;
		int r = start(pool, policy_of(0), reaches(0), 1, &own);

		ks_egress_pool_free(pool);
		_exit(r == -EPERM && !own ? 0 : 1);
	}
	CHECK(waitpid(fork_of, &status, 0) == fork_of && status == 0);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	ks_child_free(child);
	CHECK(start(pool, policy_of(0), reaches(0), 0, &child) == 0);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	ks_child_free(child);
	ks_egress_pool_free(pool);
	return 1;
}

static int has_no_proxy(void *data)
{
	pid_t proxy;

	(void)data;
	return children_named(PROXY, &proxy) == 0;
}

static int prepared_shares(void)
{
	ks_egress_pool *pool = pool_new(NULL);
	struct ks_run_options options = pool_options(pool);
	const char *argv[] = {"bash", "-c", reaches(0), NULL};
	ks_policy *policy = policy_of(0);
	ks_prepared *prepared = NULL;
	ks_child *child = NULL;
	ks_error *error = NULL;
	char text[256];
	pid_t proxy;

	CHECK(ks_prepared_new(backend, policy, &options, 3, &prepared, &error) == 0);
	ks_policy_free(policy);
	ks_egress_pool_free(pool);
	CHECK(ks_prepared_fill(prepared, &error) == 0 && ks_prepared_waiting(prepared) == 3);
	CHECK(children_named(PROXY, &proxy) == 1);
	options.allow_degraded = 0;
	CHECK(ks_prepared_spawn(prepared, argv, &options, &child, NULL) == -EINVAL);
	options.egress_pool = NULL;
	CHECK(ks_prepared_spawn(prepared, argv, &options, &child, &error) == 0);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	ks_child_free(child);
	/* Jails whose proxy has died are not used. */
	CHECK(kill(proxy, SIGKILL) == 0 && wait_until(has_no_proxy, NULL));
	CHECK(ks_prepared_spawn(prepared, argv, &options, &child, &error) == 0);
	CHECK(strcmp(finish(child, text), PONG) == 0);
	ks_child_free(child);
	ks_prepared_free(prepared);
	CHECK(children_named(PROXY, &proxy) == 0);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc > 3)
		workers = (int)strtol(argv[3], NULL, 10);
	if (suite_begin("pool", argc > 3 ? 3 : argc, argv) < 0 || services_start() < 0)
		return 2;
	alarm(120 + (unsigned)workers);
	test("two workers at once have their own grants, counts and refusals", grants_are_apart);
	test("the receipt says whether the proxy is shared", receipt_tells);
	test("two workers at once have their own audit", audits_are_apart);
	test("one whose connections are all in use keeps no other from its own",
		a_full_table_is_its_own);
	test("a worker that would pass the pool's limits is not started", limits_refuse);
	test("limits that are none make no pool", bad_limits);
	test("the proxy's death is in each outcome, and the next worker has a new one",
		death_reaches_all);
	test("workers that come and go leave nothing in the proxy", nothing_is_left);
	test("a pool may be freed before its workers", pool_is_freed_early);
	test("a child of fork() cannot use the pool, nor end it", a_fork_has_none);
	test("jails built ahead share it", prepared_shares);
	return suite_end();
}

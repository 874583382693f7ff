/* SPDX-License-Identifier: Apache-2.0 */
/* Workers with an allowlist through the library: what their outcome tells of the network, the
 *audit, and jails that are built ahead with a proxy each.
 *
 *	network BACKEND [FIELD,...]   the fields may be degraded */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

static unsigned port; /* of this process's own service */

/* Answers a line with a line. */
static void *serve(void *argument)
{
	const int *listener = argument;

	for (;;) {
		int visitor = accept(*listener, NULL, NULL);
		char byte;

		if (visitor < 0)
			return NULL;
		while (read(visitor, &byte, 1) == 1 && byte != '\n')
			;
		if (write(visitor, "pong\n", 5) != 5)
			printf("# nobody takes the answer\n");
		close(visitor);
	}
}

static int start_service(void)
{
	static int listener;
	struct sockaddr_in place = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(place);
	pthread_t thread;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&place, len) < 0 ||
		listen(listener, 16) < 0 ||
		getsockname(listener, (struct sockaddr *)&place, &len) < 0)
		return -1;
	port = ntohs(place.sin_port);
	return pthread_create(&thread, NULL, serve, &listener) ? -1 : 0;
}

static ks_policy *policy_for(unsigned listed)
{
	ks_policy *policy = NULL;
	char endpoint[32];

	snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", listed);
	if (ks_policy_new(&policy) < 0 || ks_policy_add_endpoint(policy, endpoint, NULL) < 0)
		return NULL;
	return policy;
}

static const char *script(void)
{
	static char text[256];

	snprintf(text, sizeof(text),
		"(exec 4<>/dev/tcp/192.0.2.7/80; echo x >&4; read x <&4) 2>/dev/null\n"
		"exec 3<>/dev/tcp/127.0.0.1/%u; echo ping >&3; read answer <&3; echo $answer",
		port);
	return text;
}

static struct ks_run_options options(void)
{
	struct ks_run_options options = {
		.size = sizeof(options), .allow_degraded = degraded, .timeout_ms = 20000};

	options.stdio[1] = KS_STDIO_PIPE;
	return options;
}

/* The worker of script(), in a jail of the prepared ones or in a new one. */
static ks_child *run(ks_prepared *prepared)
{
	const char *argv[] = {"bash", "-c", script(), NULL};
	struct ks_run_options how = options();
	ks_policy *policy = policy_for(port);
	ks_child *child = NULL;
	ks_error *error = NULL;
	int r;

	if (prepared) {
		how.allow_degraded = 0;
		r = ks_prepared_spawn(prepared, argv, &how, &child, &error);
	} else {
		r = ks_child_spawn(backend, policy, argv, &how, &child, &error);
	}
	if (r == 0)
		r = ks_child_wait(child, &error);
	say(error);
	ks_policy_free(policy);
	if (r == 0)
		return child;
	ks_child_free(child);
	return NULL;
}

static int was_good(ks_child *child)
{
	struct ks_denied_destination denied = {.size = sizeof(denied)};
	const ks_outcome *outcome;
	char text[64];
	ssize_t len;

	CHECK(child);
	len = read(ks_child_stdio(child, 1), text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	outcome = ks_child_outcome(child);
	CHECK(strcmp(text, "pong\n") == 0);
	CHECK(ks_outcome_exit_code(outcome) == 0);
	CHECK(ks_outcome_proxy_died(outcome) == 0);
	CHECK(ks_outcome_connections(outcome) == 1);
	CHECK(ks_outcome_bytes_sent(outcome) == 5 && ks_outcome_bytes_received(outcome) == 5);
	CHECK(ks_outcome_connections_denied(outcome) == 1);
	CHECK(ks_outcome_denied_destination(outcome, 0, &denied) == 0);
	CHECK(strcmp(denied.host, "192.0.2.7") == 0 && denied.port == 80 && denied.times == 1);
	CHECK(strcmp(denied.entry, "192.0.2.7:80") == 0);
	CHECK(strcmp(denied.reason, "address_not_allowed") == 0 && denied.why[0]);
	CHECK(ks_outcome_denied_destination(outcome, 1, &denied) == -ENOENT);
	return 1;
}

static int outcome_tells(void)
{
	ks_child *child = run(NULL);
	int good = was_good(child);

	ks_child_free(child);
	return good;
}

static ks_prepared *prepare(size_t ahead, int audit)
{
	struct ks_run_options how = options();
	ks_policy *policy = policy_for(port);
	ks_prepared *prepared = NULL;
	ks_error *error = NULL;
	int r;

	how.egress_audit = audit >= 0;
	how.egress_audit_fd = audit;
	r = ks_prepared_new(backend, policy, &how, ahead, &prepared, &error);
	if (r == 0)
		r = ks_prepared_fill(prepared, &error);
	ks_policy_free(policy);
	say(error);
	if (r == 0)
		return prepared;
	ks_prepared_free(prepared);
	return NULL;
}

/* Descriptors of network namespaces that this process has open. */
static int held_networks(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int held = 0;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char target[64] = "";

		if (readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) > 0)
			held += strncmp(target, "net:[", 5) == 0;
	}
	if (directory)
		closedir(directory);
	return held;
}

/* That of the first jail, for as long as there are backends; no other stays. */
static int one_network_is_held(void)
{
	CHECK(held_networks() == 1);
	for (int i = 0; i < 2; i++) {
		ks_child *child = run(NULL);
		int good = was_good(child);

		ks_child_free(child);
		CHECK(good);
	}
	CHECK(held_networks() == 1);
	return 1;
}

static int each_has_a_proxy(void)
{
	ks_prepared *prepared = prepare(2, -1);

	CHECK(prepared && ks_prepared_waiting(prepared) == 2);
	for (int i = 0; i < 3; i++) {
		ks_child *child = run(prepared);
		int good = was_good(child);

		ks_child_free(child);
		CHECK(good);
	}
	CHECK(ks_prepared_waiting(prepared) == 0);
	ks_prepared_free(prepared);
	return 1;
}

/* Of this process's children. */
static int kill_proxies(void)
{
	DIR *directory = opendir("/proc");
	int killed = 0;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char path[300], name[32] = "";
		int parent = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%*d (%31[^)]) %*c %d", name, &parent) == 2 &&
			parent == getpid() && strcmp(name, "kastellan-egres") == 0)
			killed += kill(atoi(entry->d_name), SIGKILL) == 0;
		fclose(file);
	}
	if (directory)
		closedir(directory);
	return killed;
}

static int dead_proxies_are_seen(void)
{
	ks_prepared *prepared = prepare(2, -1);
	ks_child *child;
	int good;

	CHECK(prepared);
	CHECK(kill_proxies() == 2);
	usleep(100000);
	child = run(prepared);
	good = was_good(child);
	ks_child_free(child);
	CHECK(good);
	CHECK(ks_prepared_waiting(prepared) == 0);
	ks_prepared_free(prepared);
	CHECK(kill_proxies() == 0);
	return 1;
}

static int audit_is_kept(void)
{
	struct ks_run_options how = options();
	const char *argv[] = {"true", NULL};
	ks_prepared *prepared;
	ks_child *child = NULL;
	char text[4096];
	int pair[2], good;
	size_t len = 0;

	CHECK(pipe(pair) == 0);
	prepared = prepare(1, pair[1]);
	close(pair[1]);
	CHECK(prepared);
	how.allow_degraded = 0;
	how.egress_audit = 1;
	CHECK(ks_prepared_spawn(prepared, argv, &how, &child, NULL) == -EINVAL);
	child = run(prepared);
	good = was_good(child);
	ks_child_free(child);
	CHECK(good);
	ks_prepared_free(prepared);
	for (ssize_t got; len < sizeof(text) - 1 &&
			  (got = read(pair[0], text + len, sizeof(text) - 1 - len)) > 0;)
		len += (size_t)got;
	text[len] = '\0';
	close(pair[0]);
	CHECK(strstr(text, "\"verdict\":\"allow\"") && strstr(text, "\"verdict\":\"deny\""));
	CHECK(strstr(text, "\"ev\":\"summary\""));
	return 1;
}

static int bad_audit(void)
{
	struct ks_run_options how = options();
	const char *argv[] = {"true", NULL};
	ks_policy *policy = policy_for(port);
	ks_prepared *prepared = NULL;
	ks_child *child = NULL;

	how.egress_audit = 2;
	CHECK(ks_child_spawn(backend, policy, argv, &how, &child, NULL) == -EINVAL && !child);
	how.egress_audit = 1;
	how.egress_audit_fd = -1;
	CHECK(ks_child_spawn(backend, policy, argv, &how, &child, NULL) == -EINVAL && !child);
	how.egress_audit_fd = 1023;
	CHECK(ks_child_spawn(backend, policy, argv, &how, &child, NULL) < 0 && !child);
	CHECK(ks_prepared_new(backend, policy, &how, 1, &prepared, NULL) == -EBADF && !prepared);
	ks_policy_free(policy);
	return 1;
}

int main(int argc, char **argv)
{
	if (suite_begin("network", argc, argv) < 0 || start_service() < 0)
		return 2;
	test("the outcome tells what was reached, and what not", outcome_tells);
	test("the network of the first jail is held, and no other", one_network_is_held);
	test("jails built ahead have a proxy each", each_has_a_proxy);
	test("a waiting jail whose proxy has died is not used", dead_proxies_are_seen);
	test("the audit of a prepared policy is its own", audit_is_kept);
	test("an audit that cannot be written starts nothing", bad_audit);
	return suite_end();
}

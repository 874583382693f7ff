/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_common.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define NETWORK 0xc0000200u /* 192.0.2.0 */

unsigned port;

static int listeners[SERVICES];
static unsigned met; /* atomic */

static void *answer(void *data)
{
	int visitor = (int)(long)data;
	char byte;

	while (read(visitor, &byte, 1) == 1)
		if (byte == '\n' && send(visitor, PONG, strlen(PONG), MSG_NOSIGNAL) < 0)
			break;
	close(visitor);
	return NULL;
}

static void *serve(void *data)
{
	const int *listener = data;

	for (;;) {
		int visitor = accept(*listener, NULL, NULL);
		pthread_t thread;

		/* A test may leave this process short of descriptors for a while. */
		if (visitor < 0) {
			usleep(1000);
			continue;
		}
		__atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST);
		if (pthread_create(&thread, NULL, answer, (void *)(long)visitor) == 0)
			pthread_detach(thread);
		else
			close(visitor);
	}
	return NULL;
}

static int set_up(int socket, const char *name, unsigned host)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
	struct ifreq request = {.ifr_addr = {0}};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	if (ioctl(socket, SIOCSIFADDR, &request) < 0)
		return -1;
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	return ioctl(socket, SIOCSIFFLAGS, &request);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;

	if (fd >= 0)
		close(fd);
	return r;
}

/* Whoever is not root has one in a user namespace, in which the ids are the same. */
static int enter_network(void)
{
	char uids[32], gids[32];

	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	snprintf(uids, sizeof(uids), "%u %u 1", geteuid(), geteuid());
	snprintf(gids, sizeof(gids), "%u %u 1", getegid(), getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
		write_file("/proc/self/setgroups", "deny") < 0 ||
		write_file("/proc/self/uid_map", uids) < 0)
		return -1;
	return write_file("/proc/self/gid_map", gids);
}

static int make_network(void)
{
	int socket_ = enter_network() < 0 ? -1 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = -1;

	if (socket_ < 0)
		return -1;
	if (set_up(socket_, "lo", INADDR_LOOPBACK) == 0 &&
		set_up(socket_, "lo:1", NETWORK + 1) == 0 &&
		set_up(socket_, "lo:2", NETWORK + 2) == 0)
		r = 0;
	close(socket_);
	return r;
}

int services_start(void)
{
	if (make_network() < 0)
		return -1;
	for (int i = 0; i < SERVICES; i++) {
		struct sockaddr_in place = {.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(NETWORK + 1 + (unsigned)i),
			.sin_port = htons((uint16_t)port)};
		socklen_t len = sizeof(place);
		pthread_t thread;

		listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (listeners[i] < 0 || bind(listeners[i], (struct sockaddr *)&place, len) < 0 ||
			listen(listeners[i], 64) < 0 ||
			getsockname(listeners[i], (struct sockaddr *)&place, &len) < 0 ||
			pthread_create(&thread, NULL, serve, &listeners[i]) != 0)
			return -1;
		port = ntohs(place.sin_port);
	}
	return 0;
}

unsigned visitors(void)
{
	return __atomic_load_n(&met, __ATOMIC_SEQ_CST);
}

ks_egress_pool *pool_new(const struct ks_egress_pool_limits *limits)
{
	ks_egress_pool *pool = NULL;
	ks_error *error = NULL;

	ks_egress_pool_new(limits, &pool, &error);
	say(error);
	return pool;
}

ks_policy *policy_of(int service)
{
	ks_policy *policy = NULL;
	char endpoint[32];

	snprintf(endpoint, sizeof(endpoint), "192.0.2.%d:%u", service + 1, port);
	if (ks_policy_new(&policy) < 0 || ks_policy_add_endpoint(policy, endpoint, NULL) < 0)
		return NULL;
	return policy;
}

struct ks_run_options pool_options(ks_egress_pool *pool)
{
	struct ks_run_options options = {.size = sizeof(options),
		.allow_degraded = degraded,
		.timeout_ms = 90000,
		.egress_pool = pool};

	options.stdio[0] = KS_STDIO_PIPE;
	options.stdio[1] = KS_STDIO_PIPE;
	return options;
}

int start(ks_egress_pool *pool, ks_policy *policy, const char *script, int quiet,
	ks_child **ret_child)
{
	const char *argv[] = {"bash", "-c", script, NULL};
	struct ks_run_options options = pool_options(pool);
	ks_error *error = NULL;
	int r = ks_child_spawn(backend, policy, argv, &options, ret_child, &error);

	ks_policy_free(policy);
	if (quiet)
		ks_error_free(error);
	else
		say(error);
	return r;
}

const char *finish(ks_child *child, char text[256])
{
	ks_error *error = NULL;
	size_t len = 0;
	ssize_t got;

	close(ks_child_take_stdio(child, 0));
	while (len < 255 && (got = read(ks_child_stdio(child, 1), text + len, 255 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	if (ks_child_wait(child, &error) < 0)
		text[0] = '\0';
	say(error);
	return text;
}

const char *reaches(int service)
{
	static char text[128];

	snprintf(text, sizeof(text),
		"exec 3<>/dev/tcp/192.0.2.%d/%u; echo ping >&3; read x <&3; echo $x", service + 1,
		port);
	return text;
}

const char *tries(int service)
{
	static char text[160];

	snprintf(text, sizeof(text),
		"(exec 4<>/dev/tcp/192.0.2.%d/%u && echo ping >&4 && read x <&4 && echo $x) "
		"2>/dev/null || echo none",
		service + 1, port);
	return text;
}

int says(ks_child *child, const char *line)
{
	struct pollfd due = {.fd = ks_child_stdio(child, 1), .events = POLLIN};
	char text[64];
	size_t len = 0;

	while (len < sizeof(text) - 1 && poll(&due, 1, PATIENCE_MS) > 0 &&
		read(due.fd, text + len, 1) == 1 && text[len++] != '\n')
		continue;
	text[len] = '\0';
	return strcmp(text, line) == 0;
}

static int count_children(const char *name, pid_t other, pid_t *ret_pid)
{
	DIR *directory = opendir("/proc");
	int count = 0;

	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char path[300], its[32] = "", state = 0;
		int parent = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%*d (%31[^)]) %c %d", its, &state, &parent) == 3 &&
			parent == getpid() && state != 'Z' && strcmp(its, name) == 0 &&
			strtol(entry->d_name, NULL, 10) != other) {
			count++;
			*ret_pid = (pid_t)strtol(entry->d_name, NULL, 10);
		}
		fclose(file);
	}
	if (directory)
		closedir(directory);
	return count;
}

int children_named(const char *name, pid_t *ret_pid)
{
	return count_children(name, 0, ret_pid);
}

pid_t other_child(const char *name, pid_t other)
{
	pid_t pid = 0;

	count_children(name, other, &pid);
	return pid;
}

int descriptors_of(pid_t pid)
{
	char path[64];
	DIR *directory;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

long memory_of(pid_t pid)
{
	char path[64], line[128];
	long kib = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "r");
	while (file && kib < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "Private_Dirty: %ld", &kib) != 1)
			kib = -1;
	if (file)
		fclose(file);
	return kib;
}

int wait_until(int (*holds)(void *data), void *data)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
		if (holds(data))
			return 1;
		usleep(20000);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The file server with a guest whose kernel is hostile, on a real directory: whatever it asks,
 * memory is sound, nothing outside of the directory changes, and no descriptor is lost.
 *
 * The first byte's lowest bit chooses between a stream of raw messages and steps, which get
 * further: a step is an opcode, which node, which handle, how many bytes of body follow; ids and
 * handles are those that were given before, where the numbers are small. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/files/find.h"

#define KNOWN 32
#define ROOM 64

/* In memory: what waits for a disk gets nowhere. */
static char top[] = "/dev/shm/kastellan-fuzz-XXXXXX";
static int top_fd = -1, quiet = -1;

struct known {
	uint64_t ids[KNOWN];
	size_t count;
};

static void clear(int directory, int depth)
{
	DIR *listing = fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;

	HOLDS(listing);
	while ((entry = readdir(listing))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(directory, entry->d_name, 0) < 0) {
			int below = openat(directory, entry->d_name,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			HOLDS(below >= 0 && depth < 64);
			fchmod(below, 0700);
			clear(below, depth + 1);
			close(below);
			unlinkat(directory, entry->d_name, AT_REMOVEDIR);
		}
	}
	closedir(listing);
}

static void put(int directory, const char *name, const char *text)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	HOLDS(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void leave(void)
{
	clear(top_fd, 0);
	rmdir(top);
}

static void settle(void)
{
	const struct rlimit small = {1 << 20, 1 << 20};

	if (top_fd >= 0)
		return;
	HOLDS(mkdtemp(top));
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
	HOLDS(top_fd >= 0 && quiet >= 0);
	/* Nobody fills the disk. */
	setrlimit(RLIMIT_FSIZE, &small);
	signal(SIGXFSZ, SIG_IGN);
	HOLDS(chdir("/proc/self/fd") == 0);
	atexit(leave);
}

/* A tree to be served, and what lies beside it. */
static int make_tree(void)
{
	int tree;

	clear(top_fd, 0);
	put(top_fd, "outside", "outside");
	HOLDS(mkdirat(top_fd, "tree", 0700) == 0);
	tree = openat(top_fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	HOLDS(tree >= 0);
	put(tree, "a", "content of a");
	put(tree, "b", "content of b, longer");
	HOLDS(mkdirat(tree, "d", 0700) == 0 && mkfifoat(tree, "f", 0600) == 0);
	HOLDS(symlinkat("../outside", tree, "s") == 0 && symlinkat("..", tree, "u") == 0);
	HOLDS(mkdirat(tree, "d/e", 0700) == 0);
	return tree;
}

static void check_outside(void)
{
	char text[16] = "";
	int fd = openat(top_fd, "outside", O_RDONLY | O_CLOEXEC);
	DIR *listing = fdopendir(openat(top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t count = 0;

	HOLDS(fd >= 0 && listing && read(fd, text, sizeof(text) - 1) == 7);
	HOLDS(strcmp(text, "outside") == 0);
	while (readdir(listing))
		count++;
	HOLDS(count == 4);
	closedir(listing);
	close(fd);
}

static void remember(struct known *known, uint64_t id)
{
	known->ids[known->count++ % KNOWN] = id;
}

static uint64_t choose(const struct known *known, uint8_t which)
{
	size_t count = known->count < KNOWN ? known->count : KNOWN;

	return which < count ? known->ids[which] : which;
}

/* What an answer gave away is used by later steps. */
static void learn(
	const struct server *server, uint32_t opcode, struct known *nodes, struct known *handles)
{
	const struct reply *reply = &server->reply;
	uint64_t number;

	if (reply->header.error || reply->len < sizeof(number))
		return;
	memcpy(&number, reply->body, sizeof(number));
	if (opcode == FUSE_OPEN || opcode == FUSE_OPENDIR)
		remember(handles, number);
	else if (reply->len >= sizeof(struct fuse_entry_out) && opcode != FUSE_READ &&
		 opcode != FUSE_READDIR && opcode != FUSE_READDIRPLUS)
		remember(nodes, number);
	if ((opcode == FUSE_CREATE || opcode == FUSE_TMPFILE) &&
		reply->len >= sizeof(struct fuse_entry_out) + sizeof(number)) {
		memcpy(&number, reply->body + sizeof(struct fuse_entry_out), sizeof(number));
		remember(handles, number);
	}
}

static void check(const struct server *server)
{
	HOLDS(server->reply.len <= sizeof(server->reply.body));
	HOLDS(server->nodes.open <= server->nodes.count);
	HOLDS(server->handles.count <= server->handles.room);
	HOLDS(server->locks.n_waiting <= KS_MAX_FILES_WAITING);
	HOLDS(server->locks.n_holders <= KS_MAX_FILES_LOCKS);
}

static int take(struct server *server, const uint8_t *message, size_t len)
{
	uint8_t *copy = exact_copy(message, len);
	int r = server_take(server, copy, len);

	free(copy);
	check(server);
	if (r == 0 && server->locks.given_back)
		r = locks_retry(server);
	return r;
}

static void run_steps(struct server *server, const uint8_t *bytes, size_t len)
{
	struct known nodes = {{FUSE_ROOT_ID}, 1}, handles = {{0}, 0};
	uint8_t message[sizeof(struct fuse_in_header) + 256];
	uint64_t unique = 2;

	while (len >= 4 && !server->ended) {
		struct fuse_in_header header = {.opcode = bytes[0], .unique = unique++};
		size_t body = bytes[3] < len - 4 ? bytes[3] : len - 4;
		uint64_t handle = choose(&handles, bytes[2]);

		header.nodeid = choose(&nodes, bytes[1]);
		header.len = (uint32_t)(sizeof(header) + body);
		memcpy(message, &header, sizeof(header));
		memcpy(message + sizeof(header), bytes + 4, body);
		/* Handles stand first in nearly every body, and so do ids of nodes. */
		if (bytes[2] < 128 && body >= sizeof(handle)) {
			if (header.opcode == FUSE_RENAME || header.opcode == FUSE_RENAME2 ||
				header.opcode == FUSE_LINK)
				handle = choose(&nodes, bytes[2]);
			memcpy(message + sizeof(header), &handle, sizeof(handle));
		}
		/* What the server itself would end with. */
		if (take(server, message, header.len) < 0)
			return;
		learn(server, header.opcode, &nodes, &handles);
		bytes += 4 + body;
		len -= 4 + body;
	}
}

static void run_raw(struct server *server, const uint8_t *bytes, size_t len)
{
	long message;

	while (!server->ended && (message = wire_length(bytes, len)) > 0 &&
		(size_t)message <= len) {
		if (take(server, bytes, (size_t)message) < 0)
			return;
		bytes += message;
		len -= (size_t)message;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct server server;
	char path[sizeof(top) + sizeof("/tree")];
	int tree, before, after;

	if (len == 0)
		return 0;
	settle();
	tree = make_tree();
	before = dup(tree);
	close(before);
	memset(&server, 0, sizeof(server));
	server.socket = quiet;
	server.room = ROOM;
	server.umask = umask(022);
	snprintf(path, sizeof(path), "%s/tree", top);
	HOLDS(find_root(&server, path) == 0 && handles_start(&server.handles, ROOM) == 0);
	server.started = bytes[0] & 2;
	if (bytes[0] & 1)
		run_raw(&server, bytes + 1, len - 1);
	else
		run_steps(&server, bytes + 1, len - 1);
	server_end(&server);
	after = dup(tree);
	HOLDS(after == before);
	close(after);
	close(tree);
	umask(022);
	check_outside();
	return 0;
}

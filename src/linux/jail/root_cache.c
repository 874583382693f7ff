/* SPDX-License-Identifier: Apache-2.0 */
/* Should: hand out nothing that is not what the plan would make now. Must not: be missed where it
 * fails. A root is good for as long as its mounts are to be the same, each source is the object
 * that it was, and nothing was mounted or unmounted in the mount namespace that it came from. */
#include "linux/jail/root_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "linux/control.h"
#include "linux/init/tree.h"
#include "linux/jail/root_build.h"
#include "linux/jail/spec_plan.h"

#define KEPT 4 /* roots */
#define SEEN 32 /* mounts that came once */
#define MAX_FAILURES 3 /* what failed that often will not succeed on this host */

struct identity {
	uint64_t dev;
	uint64_t ino;
};

/* Everything that decides what a root looks like. */
struct wanted {
	struct spec_writer mounts; /* slots are numbers of the plan */
	struct identity *sources;
	size_t n_sources;
	uint64_t hash; /* of the mounts */
};

struct kept {
	struct wanted wanted;
	int tree; /* -1: free */
	int spare; /* a copy of it for the next jail, made when there was time; -1: none */
	pid_t spare_owner; /* a child of fork() has the same one, which only one jail can have */
	int table; /* tells of a change of the mount table */
	unsigned long used;
};

struct root_cache {
	pthread_mutex_t lock;
	struct kept kept[KEPT];
	uint64_t seen[SEEN];
	unsigned next_seen;
	unsigned long uses;
	unsigned failures;
};

static void wanted_done(struct wanted *wanted)
{
	spec_writer_done(&wanted->mounts);
	free(wanted->sources);
	wanted->sources = NULL;
}

static void kept_done(struct kept *kept)
{
	if (kept->tree < 0)
		return;
	wanted_done(&kept->wanted);
	drop_fd(&kept->tree);
	drop_fd(&kept->spare);
	drop_fd(&kept->table);
}

struct root_cache *root_cache_new(void)
{
	struct root_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	pthread_mutex_init(&cache->lock, NULL);
	for (int i = 0; i < KEPT; i++)
		cache->kept[i].tree = cache->kept[i].spare = cache->kept[i].table = -1;
	return cache;
}

void root_cache_free(struct root_cache *cache)
{
	if (!cache)
		return;
	for (int i = 0; i < KEPT; i++)
		kept_done(&cache->kept[i]);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* What is not there is nothing: all zero. */
static struct identity identify(const char *path, int flags)
{
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, flags) < 0)
		return (struct identity){0};
	return (struct identity){.dev = st.st_dev, .ino = st.st_ino};
}

static int identify_sources(struct wanted *wanted, const struct mount_list *mounts)
{
	size_t len = 0;

	wanted->sources = calloc(mounts->len + 1, sizeof(*wanted->sources));
	if (!wanted->sources)
		return -ENOMEM;
	wanted->sources[len++] = identify("/proc/thread-self/ns/mnt", 0);
	for (size_t i = 0; i < mounts->len; i++)
		if (mounts->items[i].kind == MOUNT_BIND_HOST)
			wanted->sources[len++] = identify(
				mounts->items[i].source, AT_SYMLINK_NOFOLLOW);
	wanted->n_sources = len;
	return 0;
}

/* FNV-1a: two that are taken for the same have one root made that may never be used. */
static uint64_t hash_of(const struct strbuf *text)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < text->len; i++)
		hash = (hash ^ (uint8_t)text->data[i]) * 0x100000001b3ull;
	return hash;
}

static int want(const struct ks_plan *plan, struct wanted *ret)
{
	struct wanted wanted = {0};
	int r;

	spec_writer_init(&wanted.mounts);
	spec_add_mounts(&wanted.mounts, &plan->mounts);
	/* Of a grant's place it matters whether it is a directory. */
	for (size_t i = 0; i < plan->grants.len; i++)
		spec_add_flags(&wanted.mounts, plan->grants.items[i].directory);
	r = wanted.mounts.text.error;
	if (r < 0) {
		wanted_done(&wanted);
		return r;
	}
	wanted.hash = hash_of(&wanted.mounts.text);
	*ret = wanted;
	return 0;
}

static bool is_same(const struct wanted *left, const struct wanted *right)
{
	const struct strbuf *text = &left->mounts.text;

	return left->hash == right->hash && text->len == right->mounts.text.len &&
	       memcmp(text->data, right->mounts.text.data, text->len) == 0;
}

static bool is_good(const struct kept *kept, const struct wanted *wanted)
{
	struct pollfd table = {.fd = kept->table, .events = POLLPRI};

	return poll(&table, 1, 0) == 0 && kept->wanted.n_sources == wanted->n_sources &&
	       memcmp(kept->wanted.sources, wanted->sources,
		       wanted->n_sources * sizeof(wanted->sources[0])) == 0;
}

static struct kept *find(struct root_cache *cache, const struct wanted *wanted)
{
	for (int i = 0; i < KEPT; i++)
		if (cache->kept[i].tree >= 0 && is_same(&cache->kept[i].wanted, wanted))
			return &cache->kept[i];
	return NULL;
}

/* Whether these mounts came before; they have now. */
static bool was_seen(struct root_cache *cache, const struct wanted *wanted)
{
	for (int i = 0; i < SEEN; i++)
		if (cache->seen[i] == wanted->hash)
			return true;
	cache->seen[cache->next_seen++ % SEEN] = wanted->hash;
	return false;
}

static struct kept *least_used(struct root_cache *cache)
{
	struct kept *least = &cache->kept[0];

	for (int i = 0; i < KEPT; i++) {
		if (cache->kept[i].tree < 0)
			return &cache->kept[i];
		if (cache->kept[i].used < least->used)
			least = &cache->kept[i];
	}
	return least;
}

static int build_tree(const struct ks_plan *plan)
{
	autospec struct spec_writer mounts;
	struct spec_mount *mount;
	size_t cursor = 0;

	spec_writer_init(&mounts);
	spec_add_mounts(&mounts, &plan->mounts);
	if (mounts.text.error)
		return mounts.text.error;
	/* The plan's numbers are slots of a jail. */
	while ((mount = root_next_mount(&mounts, &cursor)))
		if (mount->kind == SPEC_MOUNT_BIND_GRANT)
			mount->slot = (uint32_t)plan->grants.items[mount->slot - SLOT_GRANT].fd;
	return root_build_shared(&mounts);
}

/* The table is watched, and the sources were looked at, before the root is made from them: what
 * changes meanwhile is found out the next time. Takes what is wanted where it returns a root. */
static struct kept *make(
	struct root_cache *cache, const struct ks_plan *plan, struct wanted *wanted)
{
	autofd int table = open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
	struct pollfd begin = {.fd = table, .events = POLLPRI};
	struct kept *kept = least_used(cache);
	int tree;

	if (table < 0 || poll(&begin, 1, 0) < 0)
		return NULL;
	tree = build_tree(plan);
	if (tree < 0) {
		cache->failures++;
		return NULL;
	}
	kept_done(kept);
	*kept = (struct kept){
		.wanted = *wanted, .tree = tree, .spare = -1, .table = take_fd(&table)};
	*wanted = (struct wanted){0};
	return kept;
}

/* Takes what is wanted, or leaves it. */
static int take(struct root_cache *cache, const struct ks_plan *plan, struct wanted *wanted)
{
	struct kept *kept = find(cache, wanted);

	if (!kept && (!was_seen(cache, wanted) || cache->failures >= MAX_FAILURES))
		return -1;
	if (identify_sources(wanted, &plan->mounts) < 0)
		return -1;
	if (kept && !is_good(kept, wanted)) {
		kept_done(kept);
		kept = NULL;
	}
	if (!kept)
		kept = make(cache, plan, wanted);
	if (!kept)
		return -1;
	kept->used = ++cache->uses;
	if (kept->spare >= 0 && kept->spare_owner != getpid())
		drop_fd(&kept->spare);
	return kept->spare >= 0 ? take_fd(&kept->spare) : tree_copy(kept->tree, "");
}

int root_cache_take(struct root_cache *cache, const struct ks_plan *plan)
{
	struct wanted wanted;
	int tree;

	/* With other ids the mounts are not the caller's to make. */
	if (!cache || !plan->identity.drop || want(plan, &wanted) < 0)
		return -1;
	pthread_mutex_lock(&cache->lock);
	tree = take(cache, plan, &wanted);
	pthread_mutex_unlock(&cache->lock);
	wanted_done(&wanted);
	return tree < 0 ? -1 : tree;
}

void root_cache_refill(struct root_cache *cache)
{
	if (!cache)
		return;
	pthread_mutex_lock(&cache->lock);
	for (int i = 0; i < KEPT; i++) {
		struct kept *kept = &cache->kept[i];

		/* The last one that was used. */
		if (kept->tree >= 0 && kept->spare < 0 && kept->used == cache->uses) {
			kept->spare = tree_copy(kept->tree, "");
			kept->spare_owner = getpid();
		}
	}
	pthread_mutex_unlock(&cache->lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Starts with a pool that fail half way, for want of memory or of descriptors, at each place where
 *they can: no program runs, nothing is left in the proxy, and the others go on.
 *
 *	pool_short BACKEND [FIELD,... [all]]   the fields may be degraded; without all, a sample */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../unit/fail_alloc.h"
#include "pool_common.h"

#define PROXY "kastellan-egres" /* as the kernel cuts it */
#define INIT "kastellan-init"
#define SAMPLE 23 /* a prime, so that it meets other places with each change of their number */

static unsigned step = SAMPLE;

struct state {
	ks_egress_pool *pool;
	ks_child *stays; /* a worker that is there all the time */
	pid_t proxy;
	int descriptors, own, inits;
};

static int is_as_before(void *data)
{
	const struct state *state = data;
	pid_t pid;

	return descriptors_of(state->proxy) == state->descriptors &&
	       descriptors_of(getpid()) == state->own && children_named(INIT, &pid) == state->inits;
}

static int begin(struct state *state)
{
	char script[256];
	pid_t pid;

	*state = (struct state){.pool = pool_new(NULL)};
	snprintf(script, sizeof(script), "%s; read z; echo $z", reaches(0));
	CHECK(start(state->pool, policy_of(0), script, 0, &state->stays) == 0);
	/* By then the proxy has taken all that the jail had for it, and let go of the rest. */
	CHECK(says(state->stays, PONG));
	CHECK(children_named(PROXY, &state->proxy) == 1);
	state->descriptors = descriptors_of(state->proxy);
	state->own = descriptors_of(getpid());
	state->inits = children_named(INIT, &pid);
	return 1;
}

static int end(struct state *state)
{
	char text[256];
	pid_t proxy;

	CHECK(children_named(PROXY, &proxy) == 1 && proxy == state->proxy);
	CHECK(write(ks_child_stdio(state->stays, 0), "still here\n", 11) == 11);
	CHECK(strcmp(finish(state->stays, text), "still here\n") == 0);
	CHECK(!ks_outcome_proxy_died(ks_child_outcome(state->stays)));
	ks_child_free(state->stays);
	ks_egress_pool_free(state->pool);
	return 1;
}

/* What came of a start: it reached the service once, or never was; then all is as it was. */
static int judge(struct state *state, int r, ks_child *child, unsigned before)
{
	char text[256];

	if (r == 0) {
		CHECK(strcmp(finish(child, text), PONG) == 0 && visitors() == before + 1);
		ks_child_free(child);
	} else {
		CHECK(!child && visitors() == before);
	}
	CHECK(wait_until(is_as_before, state));
	return 1;
}

static int memory(void)
{
	struct state state;
	unsigned refused = 0, at = 1;
	int r;

	CHECK(begin(&state));
	do {
		ks_child *child = NULL;
		ks_policy *policy = policy_of(0);
		const char *script = reaches(0);
		unsigned before = visitors();

		countdown = at;
		failed = false;
		r = start(state.pool, policy, script, 1, &child);
		countdown = 0;
		refused += r < 0;
		CHECK(judge(&state, r, child, before));
		at += step;
	} while (failed);
	printf("# %u of %u allocations failed, %u starts were refused\n", (at - 1) / step - 1,
		at - step - 1, refused);
	CHECK(r == 0 && refused > 0);
	return end(&state);
}

/* So many more than are open. */
static void allow(int more)
{
	struct rlimit files;
	int lowest = fcntl(0, F_DUPFD_CLOEXEC, 3);

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = more < 0 ? files.rlim_max : (rlim_t)(lowest + more);
	close(lowest);
	setrlimit(RLIMIT_NOFILE, &files);
}

static int descriptors(void)
{
	struct state state;
	int refused = 0, more = 0, good = 0;

	CHECK(begin(&state));
	for (; good < 3 && more < 200; more += step == 1 ? 1 : 3) {
		ks_child *child = NULL;
		ks_policy *policy = policy_of(0);
		unsigned before = visitors();
		int r;

		allow(more);
		r = start(state.pool, policy, reaches(0), 1, &child);
		allow(-1);
		refused += r < 0;
		good += r == 0;
		CHECK(judge(&state, r, child, before));
	}
	printf("# with less than %d more descriptors %d starts were refused\n", more, refused);
	CHECK(good == 3 && refused > 0);
	return end(&state);
}

int main(int argc, char **argv)
{
	if (argc > 3)
		step = 1;
	if (suite_begin("pool, short", argc > 3 ? 3 : argc, argv) < 0 || services_start() < 0)
		return 2;
	alarm(argc > 3 ? 1800 : 240);
	test("a start without memory", memory);
	test("a start without descriptors", descriptors);
	return suite_end();
}

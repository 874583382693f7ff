/* SPDX-License-Identifier: Apache-2.0 */
/* A worker on macOS as the supervisor sees it: the stream of its warden, which does the rest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "macos/apply/parts.h"
#include "macos/apply/record.h"
#include "macos/apply/remains.h"
#include "macos/apply/system.h"
#include "macos/kinds.h"
#include "macos/plan/parts.h"
#include "watch/watch.h"

static int hear_start(struct jail *jail, const struct ks_plan *plan, ks_error **reterr)
{
	struct message message;
	int r = warden_hear(jail, &message);

	if (r < 0)
		return error_set(reterr, r,
			ABOUT(.step = "start", .remedy = "try again; see the system's log"),
			"kastellan-warden ended before the worker had begun");
	return message.kind == MESSAGE_STARTED ? 0 : warden_error(plan, &message, reterr);
}

/* The warden has made the directory, and makes no worker before it is told to go on. */
static int start_network(
	struct jail *jail, const struct ks_plan *plan, int audit, ks_error **reterr)
{
	const struct message go = {.kind = MESSAGE_GO};
	struct message message;
	int r = warden_hear(jail, &message);

	if (r == 0 && message.kind == MESSAGE_FAILED)
		return warden_error(plan, &message, reterr);
	if (r == 0 && message.kind != MESSAGE_WAITS)
		r = -EPROTO;
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "start"),
			"kastellan-warden ended before there was an egress proxy");
	r = network_open(plan, audit, jail, reterr);
	if (r < 0)
		return r;
	r = message_send(jail->control, &go);
	return r < 0 && r != -EPIPE
		       ? error_set(reterr, r, ABOUT(.step = "start"),
				 "kastellan-warden cannot be told to go on: %s", strerror(-r))
		       : 0;
}

static int spawn_warden(struct jail *jail, const struct jail_stdio *stdio, ks_error **reterr)
{
	int ends[2];
	int r = system_pair(ends);

	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "start"),
			"no stream can be made to kastellan-warden: %s", strerror(-r));
	jail->control = ends[0];
	r = warden_spawn(stdio->fds, ends[1], jail->record, &jail->warden, reterr);
	close(ends[1]);
	if (r < 0)
		return r;
	r = system_end_fd(jail->warden);
	if (r >= 0)
		jail->warden_end = r;
	/* One that has ended already may have said why. */
	return r >= 0 || r == -ESRCH
		       ? 0
		       : error_set(reterr, r, ABOUT(.step = "start"),
				 "kastellan-warden cannot be watched: %s", strerror(-r));
}

/* Last: a kqueue takes no other that has more of them within than those it took before. */
static int watch_end(struct jail *jail, ks_error **reterr)
{
	int r = 0;

	if (jail->waiter.fd < 0) {
		r = waiter_make(&jail->waiter);
		if (r == 0)
			r = waiter_add(&jail->waiter, jail->control);
	}
	if (r == 0 && jail->warden_end >= 0)
		r = waiter_add(&jail->waiter, jail->warden_end);
	return r < 0 ? error_set(reterr, r, ABOUT(.step = "supervise"),
			       "kastellan-warden cannot be watched: %s", strerror(-r))
		     : 0;
}

/* Another name where somebody has come upon the file before it was locked. */
#define DRAWN_AT_MOST 8

static int make_record(struct jail *jail, ks_error **reterr)
{
	bool machine = jail->container;
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < DRAWN_AT_MOST; i++) {
		r = names_draw(machine, &jail->names);
		if (r < 0)
			return error_set(reterr, r, ABOUT(.step = "start", .path = "/dev/urandom"),
				"no name can be drawn: %s", strerror(-r));
		r = record_make(jail->names.record, machine, &jail->record);
	}
	return r < 0 ? error_set(reterr, r,
			       ABOUT(.step = "record", .path = jail->names.record,
				       .remedy =
					       "see that this user may write in " MACOS_TEMPORARY),
			       "record: %s, which tells what to remove should kastellan be killed, "
			       "cannot be made: %s",
			       jail->names.record, strerror(-r))
		     : 0;
}

static int start(struct jail *jail, const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, ks_error **reterr)
{
	autofree char *order = NULL;
	size_t len = 0;
	int r = make_record(jail, reterr);

	if (r == 0)
		r = order_of_plan(plan, host, &jail->names, &order, &len, reterr);
	if (r == 0)
		r = spawn_warden(jail, setup->stdio, reterr);
	if (r < 0)
		return r;
	r = bytes_send(jail->control, order, len);
	/* One that is gone has more to say about it than this. */
	if (r < 0 && r != -EPIPE)
		return error_set(reterr, r, ABOUT(.step = "start"),
			"kastellan-warden cannot be told what to start: %s", strerror(-r));
	r = plan->network == NETWORK_DOOR ? start_network(jail, plan, setup->audit, reterr) : 0;
	if (r == 0)
		r = hear_start(jail, plan, reterr);
	return r < 0 ? r : watch_end(jail, reterr);
}

static struct jail *alloc(const struct ks_plan *plan, const struct ks_host *host)
{
	struct jail *jail = calloc(1, sizeof(*jail));

	if (!jail)
		return NULL;
	jail->control = jail->record = jail->warden_end = -1;
	jail->waiter = WAITER_NONE;
	if (plan->kind != KIND_CONTAINER)
		return jail;
	jail->container = strdup(host->macos.container);
	if (jail->container)
		return jail;
	free(jail);
	return NULL;
}

int jail_start(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail **ret_jail, ks_error **reterr)
{
	struct jail *jail = alloc(plan, host);
	int r;

	if (!jail)
		return error_oom(reterr);
	remains_sweep(jail->container);
	r = start(jail, plan, host, setup, reterr);
	if (r < 0) {
		jail_free(jail);
		return r;
	}
	*ret_jail = jail;
	return 0;
}

/* Nothing is built ahead: under a profile the program itself is what would have to wait, and a
 * machine that waits takes its memory. Whoever asks gets a worker that is started when it is
 * wanted, which means the same. */
int jail_build(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail **ret_jail, ks_error **reterr)
{
	(void)plan;
	(void)host;
	(void)setup;
	(void)reterr;
	*ret_jail = NULL;
	return 0;
}

bool jail_waits(const struct jail *jail)
{
	(void)jail;
	return false;
}

int jail_run(struct jail *jail, const struct ks_plan *plan, const struct ks_host *host,
	const char *const *argv, const struct jail_stdio *stdio, ks_error **reterr)
{
	(void)jail;
	(void)plan;
	(void)host;
	(void)argv;
	(void)stdio;
	return error_set(reterr, -ESRCH, ABOUT(.step = "start"), "no such jail has been built");
}

int jail_fd(const struct jail *jail)
{
	return jail->waiter.fd;
}

int jail_take_terminal(struct jail *jail)
{
	(void)jail;
	return -1;
}

static void take_end(struct jail *jail, struct ending *ending)
{
	ending->have_status = true;
	ending->status = jail->end.value;
	ending->cpu_spent |= jail->end.verdict == WATCH_CPU;
}

static const char *remedy_for(const struct jail *jail)
{
	return jail->container ? "container list --all shows whether its machine is left, and "
				 "container delete --force removes it"
			       : "see what is left of it, and remove it";
}

static int report_teardown(const struct jail *jail, ks_error **reterr)
{
	return error_set(reterr, -jail->end.error,
		ABOUT(.step = jail->end.step, .path = jail->end.text, .remedy = remedy_for(jail)),
		"the worker has ended, and not all of it is gone: %s: %s", jail->end.text,
		strerror(jail->end.error));
}

/* Nobody else is left to end the worker, so that this waits until it is done. */
static int report_loss(struct jail *jail, ks_error **reterr)
{
	const char *what;
	int r = warden_replace(jail, &what);

	if (r < 0)
		return error_set(reterr, r,
			ABOUT(.step = "supervise", .path = what, .remedy = remedy_for(jail)),
			"kastellan-warden was ended, and not all of its worker is gone: %s: %s",
			what, strerror(-r));
	return error_set(reterr, -EPIPE, ABOUT(.step = "supervise"),
		"kastellan-warden was ended, and the worker with it");
}

/* Of the warden. 1 once it has told the end, 0 before, -errno where it never will. */
static int hear_end(struct jail *jail, struct ending *ending, ks_error **reterr)
{
	if (jail->ended)
		return 1;
	if (jail->control >= 0 && warden_wait(jail, 0) == 0)
		return 0;
	if (jail->control < 0 || warden_hear(jail, &jail->end) < 0 ||
		jail->end.kind != MESSAGE_ENDED)
		return report_loss(jail, reterr);
	warden_part(jail);
	jail->ended = true;
	take_end(jail, ending);
	network_stop(jail);
	return 1;
}

int jail_dispatch(struct jail *jail, struct ending *ending, bool *ret_memory, ks_error **reterr)
{
	int r = hear_end(jail, ending, reterr);

	*ret_memory = false;
	if (r < 0)
		return r;
	if (!network_dispatch(jail) || r == 0)
		return 0;
	return jail->end.error ? report_teardown(jail, reterr) : 1;
}

void jail_usage(struct jail *jail, struct jail_usage *ret_usage)
{
	*ret_usage = (struct jail_usage){.cpu_usec = UINT64_MAX};
	if (!jail->ended)
		return;
	*ret_usage = (struct jail_usage){.cpu_usec = jail->end.cpu_usec,
		.memory_peak_bytes = jail->end.memory_peak,
		.tasks_peak = jail->end.tasks_peak,
		.oom_kills = jail->end.verdict == WATCH_MEMORY,
		.tasks_refused = jail->end.verdict == WATCH_TASKS};
}

const struct network_report *jail_network(const struct jail *jail)
{
	return &jail->network;
}

static int tell(struct jail *jail, uint32_t kind, int value)
{
	const struct message message = {.kind = kind, .value = value};
	int r = jail->control < 0 ? -EPIPE : message_send(jail->control, &message);

	return r == -EPIPE ? -ESRCH : r;
}

int jail_signal(struct jail *jail, int signal)
{
	return tell(jail, MESSAGE_SIGNAL, signal);
}

int jail_resize(struct jail *jail, uint16_t rows, uint16_t columns)
{
	(void)jail;
	(void)rows;
	(void)columns;
	return -ESRCH;
}

/* Where it cannot be said in words, the end of what we say is the same order. */
int jail_kill(struct jail *jail)
{
	int r = tell(jail, MESSAGE_KILL, 0);

	if (r < 0 && r != -ESRCH)
		return shutdown(jail->control, SHUT_WR) < 0 ? -errno : 0;
	return 0;
}

void jail_free(struct jail *jail)
{
	if (!jail)
		return;
	warden_finish(jail);
	network_free(jail);
	waiter_close(&jail->waiter);
	network_report_done(&jail->network);
	free(jail->container);
	free(jail);
}

/* None is left to itself. */
int jail_settle(bool wait, ks_error **reterr)
{
	(void)wait;
	(void)reterr;
	return 0;
}

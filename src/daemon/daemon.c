/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/event.h"
#include "daemon/errors.h"
#include "workers/watched.h"

ks_tools *daemon_tools(struct daemon *daemon)
{
	ks_tools *tools;

	pthread_mutex_lock(&daemon->lock);
	tools = tools_ref(daemon->tools);
	pthread_mutex_unlock(&daemon->lock);
	return tools;
}

static int load(const struct daemon_options *options, ks_tools **ret_tools, ks_error **reterr)
{
	ks_tools *tools = NULL;
	int r = ks_tools_load(options->tools, &tools, reterr);

	if (r == 0 && options->accept)
		r = options->accept(options->data, tools, reterr);
	if (r < 0) {
		ks_tools_free(tools);
		return r;
	}
	*ret_tools = tools;
	return 0;
}

static int reload(struct daemon *daemon, ks_error **reterr)
{
	ks_tools *tools = NULL, *old;
	int r = load(daemon->options, &tools, reterr);

	if (r == 0)
		r = ks_workers_reload(daemon->workers, tools, reterr);
	if (r < 0) {
		ks_tools_free(tools);
		return r;
	}
	errors_forget(daemon, tools);
	pthread_mutex_lock(&daemon->lock);
	old = daemon->tools;
	daemon->tools = tools;
	pthread_mutex_unlock(&daemon->lock);
	ks_tools_free(old);
	return 0;
}

int daemon_reload(struct daemon *daemon, ks_error **reterr)
{
	int r;

	pthread_mutex_lock(&daemon->reloading);
	r = reload(daemon, reterr);
	pthread_mutex_unlock(&daemon->reloading);
	return r;
}

static void reload_by_signal(struct daemon *daemon)
{
	ks_error *error = NULL;

	if (daemon_reload(daemon, &error) < 0 && error && daemon->options->report)
		daemon->options->report(error);
	ks_error_free(error);
}

/* true: a signal ends the daemon. */
static bool take_signals(struct daemon *daemon)
{
	struct signalfd_siginfo info;
	bool ends = false;

	while (read(daemon->options->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int number = (int)info.ssi_signo;

		if (number == SIGHUP)
			reload_by_signal(daemon);
		ends |= number == SIGTERM || number == SIGINT || number == SIGQUIT;
	}
	return ends;
}

static int loop(struct daemon *daemon)
{
	const struct daemon_options *options = daemon->options;
	struct pollfd fds[] = {{.fd = options->signals, .events = POLLIN},
		{.fd = options->listener, .events = POLLIN}};

	for (;;) {
		int fd;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (take_signals(daemon))
			return 0;
		if (!fds[1].revents)
			continue;
		fd = accept4(options->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			connection_start(daemon, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			usleep(10000); /* whoever is connected has to leave first */
	}
}

/* Requests in progress are cancelled with their connections, so that nobody uses the manager when
 * it is freed. */
static void leave(struct daemon *daemon)
{
	event_raise(daemon->stop);
	pthread_mutex_lock(&daemon->lock);
	for (struct connection *connection = daemon->connections; connection;
		connection = connection->next) {
		shutdown(connection->fd, SHUT_RDWR);
		event_raise(connection->gone);
	}
	while (daemon->n_connections || daemon->n_requests)
		pthread_cond_wait(&daemon->changed, &daemon->lock);
	pthread_mutex_unlock(&daemon->lock);
}

int daemon_run(const struct daemon_options *options, ks_error **reterr)
{
	struct daemon daemon = {.options = options};
	struct ks_workers_options workers = options->workers;
	int r = load(options, &daemon.tools, reterr);

	workers.on_fault = errors_note;
	workers.data = &daemon;
	pthread_mutex_init(&daemon.lock, NULL);
	pthread_mutex_init(&daemon.reloading, NULL);
	pthread_cond_init(&daemon.changed, NULL);
	if (r == 0)
		r = ks_workers_new(
			options->backends, daemon.tools, &workers, &daemon.workers, reterr);
	if (r == 0)
		workers_keep_audits(daemon.workers);
	daemon.stop = r == 0 ? event_new() : -1;
	if (r == 0) {
		r = daemon.stop < 0 ? -errno : loop(&daemon);
		leave(&daemon);
		if (r < 0)
			error_set(reterr, r, ABOUT(.step = "socket"),
				"waiting for clients failed: %s", strerror(-r));
	}
	ks_workers_free(daemon.workers);
	errors_forget(&daemon, NULL);
	ks_tools_free(daemon.tools);
	if (daemon.stop >= 0)
		close(daemon.stop);
	pthread_cond_destroy(&daemon.changed);
	pthread_mutex_destroy(&daemon.lock);
	pthread_mutex_destroy(&daemon.reloading);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The manager of workers, where none can be started: there is never one. */
#include <errno.h>

#include <kastellan/workers.h>

#include "base/error.h"

int ks_workers_new(ks_backends *backends, const ks_tools *tools,
	const struct ks_workers_options *options, ks_workers **ret_workers, ks_error **reterr)
{
	(void)backends;
	(void)tools;
	(void)options;
	(void)ret_workers;
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "start", .remedy = "keep the workers on Linux"),
		"this version of kastellan keeps no workers on this operating system");
}

int ks_workers_reload(ks_workers *workers, const ks_tools *tools, ks_error **reterr)
{
	return ks_workers_new(NULL, tools, NULL, &workers, reterr);
}

int ks_workers_drain(ks_workers *workers, uint64_t timeout_ms)
{
	(void)workers;
	(void)timeout_ms;
	return 0;
}

void ks_workers_free(ks_workers *workers)
{
	(void)workers;
}

int ks_workers_call(ks_workers *workers, const char *tool, const char *request, size_t len,
	const struct ks_call_options *options, char **ret_answer, size_t *ret_len,
	ks_error **reterr)
{
	(void)tool;
	(void)request;
	(void)len;
	(void)options;
	(void)ret_answer;
	(void)ret_len;
	return ks_workers_reload(workers, NULL, reterr);
}

int ks_workers_acquire(ks_workers *workers, const char *tool, const struct ks_call_options *options,
	ks_worker **ret_worker, ks_error **reterr)
{
	(void)tool;
	(void)options;
	(void)ret_worker;
	return ks_workers_reload(workers, NULL, reterr);
}

int ks_worker_call(ks_worker *worker, const char *request, size_t len,
	const struct ks_call_options *options, char **ret_answer, size_t *ret_len,
	ks_error **reterr)
{
	(void)worker;
	(void)request;
	(void)len;
	(void)options;
	(void)ret_answer;
	(void)ret_len;
	return ks_workers_reload(NULL, NULL, reterr);
}

int ks_worker_send(ks_worker *worker, const char *text, size_t len, ks_error **reterr)
{
	(void)worker;
	(void)text;
	(void)len;
	return ks_workers_reload(NULL, NULL, reterr);
}

void ks_worker_release(ks_worker *worker)
{
	(void)worker;
}

int ks_workers_status(ks_workers *workers, const char *tool, struct ks_workers_status *ret_status)
{
	(void)workers;
	(void)tool;
	(void)ret_status;
	return -EOPNOTSUPP;
}

int ks_workers_json(ks_workers *workers, char **ret_text)
{
	(void)workers;
	(void)ret_text;
	return -EOPNOTSUPP;
}

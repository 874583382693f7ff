/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles that callers change, and that threads share. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "resolve/resolve.h"
#include "resolve_fixture.h"

struct stub_data {
	atomic_int freed;
};

static void free_stub(void *data)
{
	atomic_fetch_add(&((struct stub_data *)data)->freed, 1);
}

static void test_a_hand_made_bundle(void **state)
{
	const struct ks_backend_stub_ops ops = {.size = sizeof(ops), .free = free_stub};
	struct stub_data data = {0};
	ks_backends *backends = make(&platform_backends);
	ks_backend *stub = NULL;
	ks_backend *got;
	const struct ks_host *host;
	void *found = NULL;

	(void)state;
	assert_int_equal(ks_backend_stub_new(KS_BACKEND_BWRAP, &ops, &data, &stub), 0);
	assert_int_equal(ks_backends_set(backends, KS_BACKEND_BWRAP, stub, NULL), 0);
	got = ask(backends, KS_BACKEND_NONE, NULL);
	assert_ptr_equal(got, stub);
	assert_non_null(backend_stub(got, &found));
	assert_ptr_equal(found, &data);
	assert_int_equal(backend_can_plan(got, NULL), 0);
	assert_int_equal(backend_host(got, false, &host, NULL), 0);
	assert_int_equal(atomic_load(&probes), 0);
	ks_backend_unref(got);
	ks_backend_unref(stub);
	assert_int_equal(atomic_load(&data.freed), 0);
	/* The place is taken by another; the stub has no reference left. */
	assert_int_equal(ks_backend_stub_new(KS_BACKEND_BWRAP, &ops, &data, &stub), 0);
	assert_int_equal(ks_backends_set(backends, KS_BACKEND_BWRAP, stub, NULL), 0);
	assert_int_equal(atomic_load(&data.freed), 1);
	ks_backend_unref(stub);
	ks_backends_free(backends);
	assert_int_equal(atomic_load(&data.freed), 2);
}

static void test_stub_ops_of_other_versions(void **state)
{
	struct {
		struct ks_backend_stub_ops ops;
		char tail[16];
	} newer = {.ops = {.size = sizeof(newer)}};
	struct ks_backend_stub_ops older = {.size = sizeof(size_t), .free = free_stub};
	ks_backends *backends = make(&platform_backends);
	ks_backend *stub = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(ks_backend_stub_new(KS_BACKEND_BWRAP, &newer.ops, NULL, &stub), 0);
	ks_backend_unref(stub);
	newer.tail[15] = 1;
	assert_int_equal(ks_backend_stub_new(KS_BACKEND_BWRAP, &newer.ops, NULL, &stub), -E2BIG);
	/* free lies beyond what the older caller knew of: it is not called, with data NULL. */
	assert_int_equal(ks_backend_stub_new(KS_BACKEND_BWRAP, &older, NULL, &stub), 0);
	assert_int_equal(ks_backends_set(backends, SEATBELT, stub, &error), -EINVAL);
	ks_error_free(error);
	ks_backend_unref(stub);
	assert_int_equal(ks_backend_stub_new(SEATBELT, &older, NULL, &stub), -EINVAL);
	older.size = 0;
	assert_int_equal(ks_backend_stub_new(KS_BACKEND_BWRAP, &older, NULL, &stub), -EINVAL);
	ks_backends_free(backends);
}

#define THREADS 8
#define ROUNDS 500

static void *hammer(void *backends)
{
	const struct ks_backend_stub_ops ops = {.size = sizeof(ops)};

	for (int i = 0; i < ROUNDS; i++) {
		ks_backend *backend = NULL;
		ks_backend *stub = NULL;
		const struct ks_host *host = NULL;

		if (ks_backends_resolve(backends, i % 2 ? SEATBELT : CONTAINER,
			    i % 3 ? NULL : "debian:12", &backend) < 0 ||
			backend_host(backend, i % 5 == 0, &host, NULL) < 0)
			return backends;
		ks_backend_unref(backend);
		/* The stub's kind is of this system; the place it is put in is of the table's. */
		if (ks_backend_stub_new(KS_BACKEND_BWRAP, &ops, NULL, &stub) < 0 ||
			ks_backends_set(backends, CONTAINER, stub, NULL) < 0)
			return backends;
		ks_backend_unref(stub);
	}
	return NULL;
}

static void test_threads_share_a_bundle(void **state)
{
	ks_backends *backends = make(&mac);
	pthread_t threads[THREADS];
	void *failed;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, backends), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_in_range(atomic_load(&probes), 1, 2);
	ks_backends_free(backends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hand_made_bundle),
		cmocka_unit_test(test_stub_ops_of_other_versions),
		cmocka_unit_test(test_threads_share_a_bundle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of resolving, with tables of systems that are not here, too. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "resolve/kinds.h"
#include "resolve/resolve.h"

/* The kinds of macOS by their numbers: here they have no names. */
#define SEATBELT ((enum ks_backend_kind)6)
#define CONTAINER ((enum ks_backend_kind)7)

static const struct backend_ops no_ops;
static const struct backend_row mac_rows[] = {
	{.kind = SEATBELT, .ops = &no_ops, .why_not = why_not_seccomp},
	{.kind = CONTAINER,
		.ops = &no_ops,
		.why_not = why_not_seccomp,
		.default_image = "alpine:3.20"},
};
static const struct backend_table mac = {mac_rows, 2, SEATBELT};
static const struct backend_table nowhere = {NULL, 0, KS_BACKEND_NONE};

static atomic_int probes;

static int count_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host = host_new();

	(void)reterr;
	assert_non_null(host);
	host->tried = tried;
	host->seccomp = host->seccomp_notify = true;
	host->landlock_abi = tried ? 7 : 6;
	atomic_fetch_add(&probes, 1);
	*ret_host = host;
	return 0;
}

static int fail_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	(void)tried;
	(void)ret_host;
	return error_oom(reterr);
}

static ks_backends *make(const struct backend_table *table)
{
	ks_backends *backends = NULL;

	atomic_store(&probes, 0);
	assert_int_equal(backends_new(table, count_probe, &backends), 0);
	return backends;
}

static ks_backend *ask(ks_backends *backends, enum ks_backend_kind kind, const char *image)
{
	ks_backend *backend = NULL;

	assert_int_equal(ks_backends_resolve(backends, kind, image, &backend), 0);
	assert_non_null(backend);
	return backend;
}

static void test_none_is_the_default_of_the_system(void **state)
{
	ks_backends *linux_ones = NULL;
	ks_backends *mac_ones = make(&mac);
	ks_backend *backend;

	(void)state;
	assert_int_equal(ks_backends_new(&linux_ones), 0);
	backend = ask(linux_ones, KS_BACKEND_NONE, NULL);
	assert_int_equal(ks_backend_kind(backend), KS_BACKEND_BWRAP);
	assert_string_equal(ks_backend_name(backend), "bwrap");
	ks_backend_unref(backend);
	backend = ask(mac_ones, KS_BACKEND_NONE, NULL);
	assert_int_equal(ks_backend_kind(backend), SEATBELT);
	ks_backend_unref(backend);
	ks_backends_free(linux_ones);
	ks_backends_free(mac_ones);
}

static void test_a_kind_is_its_one_instance(void **state)
{
	static const enum ks_backend_kind kinds[] = {KS_BACKEND_BWRAP, KS_BACKEND_NATIVE,
		KS_BACKEND_LANDLOCK, KS_BACKEND_FIRECRACKER_VM, KS_BACKEND_QEMU_VM};
	ks_backends *backends = make(&platform_backends);

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ks_backend *first = ask(backends, kinds[i], NULL);
		ks_backend *second = ask(backends, kinds[i], NULL);

		assert_int_equal(ks_backend_kind(first), kinds[i]);
		assert_ptr_equal(first, second);
		ks_backend_unref(first);
		ks_backend_unref(second);
	}
	assert_int_equal(atomic_load(&probes), 0);
	ks_backends_free(backends);
}

static void test_images(void **state)
{
	ks_backends *backends = make(&mac);
	ks_backend *cached = ask(backends, CONTAINER, NULL);
	ks_backend *again = ask(backends, CONTAINER, NULL);
	ks_backend *fresh = ask(backends, CONTAINER, "debian:12");
	ks_backend *other = ask(backends, CONTAINER, "debian:12");
	ks_backend *ignored = ask(backends, SEATBELT, "debian:12");
	ks_backend *by_default = ask(backends, KS_BACKEND_NONE, "debian:12");

	(void)state;
	assert_string_equal(ks_backend_image(cached), "alpine:3.20");
	assert_ptr_equal(cached, again);
	assert_string_equal(ks_backend_image(fresh), "debian:12");
	assert_ptr_not_equal(fresh, cached);
	assert_ptr_not_equal(fresh, other);
	assert_null(ks_backend_image(ignored));
	assert_ptr_equal(ignored, by_default);
	/* It did not become the cached one. */
	ks_backend_unref(again);
	again = ask(backends, CONTAINER, NULL);
	assert_ptr_equal(again, cached);
	ks_backends_free(backends);
	assert_string_equal(ks_backend_image(fresh), "debian:12"); /* outlives its bundle */
	ks_backend_unref(cached);
	ks_backend_unref(again);
	ks_backend_unref(fresh);
	ks_backend_unref(other);
	ks_backend_unref(ignored);
	ks_backend_unref(by_default);
}

static void test_what_is_no_kind_is_refused(void **state)
{
	ks_backends *backends = make(&platform_backends);
	ks_backend *backend = NULL;

	(void)state;
	assert_int_equal(
		ks_backends_resolve(backends, (enum ks_backend_kind)99, NULL, &backend), -EINVAL);
	assert_int_equal(ks_backends_resolve(backends, SEATBELT, NULL, &backend), -EINVAL);
	assert_null(backend);
	ks_backends_free(backends);
}

static void test_a_system_without_backends_refuses_to_spawn(void **state)
{
	ks_backends *backends = make(&nowhere);
	ks_backend *backend = ask(backends, KS_BACKEND_NONE, "debian:12");
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(ks_backend_kind(backend), KS_BACKEND_NONE);
	assert_string_equal(ks_backend_name(backend), "none");
	assert_int_equal(backend_can_plan(backend, &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "no backend for this operating system"));
	ks_error_free(error);
	ks_backend_unref(backend);
	ks_backends_free(backends);
}

static void test_what_is_not_built_says_so(void **state)
{
	static const enum ks_backend_kind kinds[] = {KS_BACKEND_NATIVE, KS_BACKEND_LANDLOCK,
		KS_BACKEND_FIRECRACKER_VM, KS_BACKEND_QEMU_VM};
	ks_backends *backends = make(&platform_backends);

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ks_backend *backend = ask(backends, kinds[i], NULL);
		ks_error *error = NULL;

		if (backend_ops(backend)) {
			ks_backend_unref(backend);
			continue;
		}
		assert_int_equal(backend_can_plan(backend, &error), -EOPNOTSUPP);
		assert_non_null(strstr(ks_error_message(error), ks_backend_name(backend)));
		assert_non_null(strstr(ks_error_message(error), "not built in this version"));
		ks_error_free(error);
		ks_backend_unref(backend);
	}
	ks_backends_free(backends);
}

static void test_names(void **state)
{
	enum ks_backend_kind kind = KS_BACKEND_NONE;
	ks_error *error = NULL;

	(void)state;
	for (unsigned number = 1; number <= 5; number++) {
		assert_int_equal(ks_backend_kind_from_name(kind_name(number), &kind, &error), 0);
		assert_int_equal(kind, number);
	}
	assert_int_equal(ks_backend_kind_from_name("seatbelt", &kind, &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "only on macOS"));
	assert_int_equal(ks_backend_kind_from_name("Bwrap", &kind, &error), -EINVAL);
	assert_int_equal(ks_backend_kind_from_name("none", &kind, &error), -EINVAL);
	assert_int_equal(ks_backend_kind_from_name("", &kind, &error), -EINVAL);
	assert_int_equal(kind, 5);
	assert_int_equal(kind_from_name(&mac, "container", &kind, &error), 0);
	assert_int_equal(kind, 7);
	assert_int_equal(kind_from_name(&mac, "bwrap", &kind, &error), -EOPNOTSUPP);
	assert_non_null(strstr(ks_error_message(error), "only on Linux"));
	assert_string_equal(kind_name(0), "none");
	assert_string_equal(kind_name(99), "none");
	ks_error_free(error);
}

static void test_nothing_is_probed_twice(void **state)
{
	ks_backends *backends = make(&mac);
	ks_backend *one = ask(backends, SEATBELT, NULL);
	ks_backend *two = ask(backends, CONTAINER, "debian:12");
	const struct ks_host *first;
	const struct ks_host *host;

	(void)state;
	assert_int_equal(atomic_load(&probes), 0);
	assert_int_equal(backend_host(one, false, &first, NULL), 0);
	assert_int_equal(backend_host(two, false, &host, NULL), 0);
	assert_ptr_equal(first, host);
	assert_int_equal(atomic_load(&probes), 1);
	assert_int_equal(ks_backends_probe(backends, NULL), 0);
	assert_int_equal(ks_backends_probe(backends, NULL), 0);
	assert_int_equal(atomic_load(&probes), 2);
	/* Tried facts are as good for a spawn, and the first ones stay where they were. */
	assert_int_equal(backend_host(one, false, &host, NULL), 0);
	assert_true(host->tried);
	assert_int_equal(first->landlock_abi, 6);
	assert_int_equal(atomic_load(&probes), 2);
	ks_backends_free(backends);
	assert_int_equal(backend_host(two, true, &host, NULL), 0);
	assert_int_equal(atomic_load(&probes), 2);
	ks_backend_unref(one);
	ks_backend_unref(two);
}

static void test_a_failing_probe_is_told(void **state)
{
	ks_backends *backends = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(backends_new(&mac, fail_probe, &backends), 0);
	assert_int_equal(ks_backends_probe(backends, &error), -ENOMEM);
	assert_non_null(error);
	ks_error_free(error);
	ks_backends_free(backends);
}

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

static void test_findings_are_listed(void **state)
{
	ks_backends *backends = make(&platform_backends);
	struct ks_finding finding = {.size = sizeof(finding)};
	struct ks_finding small = {.size = offsetof(struct ks_finding, detail)};
	unsigned layers = 0;
	unsigned kinds = 0;
	size_t i = 0;
	char *text = NULL;

	(void)state;
	small.detail = "untouched";
	while (ks_backends_finding(backends, i, &finding) == 0) {
		assert_non_null(finding.name);
		assert_int_equal(finding.is_backend, finding.kind != KS_BACKEND_NONE);
		assert_int_equal(finding.is_default, finding.kind == KS_BACKEND_BWRAP);
		if (finding.state == KS_FINDING_FAILS)
			assert_non_null(finding.reason);
		if (finding.is_backend)
			kinds++;
		else
			layers++;
		i++;
	}
	assert_int_equal(ks_backends_finding(backends, i, &finding), -ENOENT);
	assert_int_equal(kinds, 5);
	assert_int_equal(layers, 6);
	/* An older caller's structure is filled as far as it goes. */
	assert_int_equal(ks_backends_finding(backends, 0, &small), 0);
	assert_string_equal(small.name, "bubblewrap");
	assert_string_equal(small.detail, "untouched");
	assert_int_equal(ks_backends_json(backends, &text, NULL), 0);
	assert_non_null(strstr(text, "\"kind\": \"firecracker\""));
	assert_non_null(strstr(text, "\"layer\": \"landlock\""));
	assert_non_null(strstr(text, "\"host\""));
	free(text);
	ks_backends_free(backends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_is_the_default_of_the_system),
		cmocka_unit_test(test_a_kind_is_its_one_instance),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_what_is_no_kind_is_refused),
		cmocka_unit_test(test_a_system_without_backends_refuses_to_spawn),
		cmocka_unit_test(test_what_is_not_built_says_so),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nothing_is_probed_twice),
		cmocka_unit_test(test_a_failing_probe_is_told),
		cmocka_unit_test(test_a_hand_made_bundle),
		cmocka_unit_test(test_stub_ops_of_other_versions),
		cmocka_unit_test(test_threads_share_a_bundle),
		cmocka_unit_test(test_findings_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The filters in the kernel: forbidden acts are tried, each with a control without the filter. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/seccomp/table.h"
#include "seccomp_acts.h"
#include "seccomp_child.h"

#define DIES (CHILD_SIGNALLED + SIGSYS)

static int host_sockets[3];

static void serve(int index, const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, path, strlen(path) + 1);
	host_sockets[index] = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(host_sockets[index] >= 0);
	assert_int_equal(bind(host_sockets[index], (void *)&address, sizeof(address)), 0);
	if (type != SOCK_DGRAM)
		assert_int_equal(listen(host_sockets[index], 64), 0);
}

static char directory[] = "/tmp/kastellan-seccomp-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	serve(0, "stream", SOCK_STREAM);
	serve(1, "seqpacket", SOCK_SEQPACKET);
	serve(2, "datagram", SOCK_DGRAM);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink("stream");
	unlink("seqpacket");
	unlink("datagram");
	unlink("f");
	if (chdir("/") < 0)
		return -1;
	return rmdir(directory);
}

static int messages_at_host(void)
{
	int count = 0;
	char byte;

	while (recv(host_sockets[2], &byte, 1, MSG_DONTWAIT) >= 0)
		count++;
	return count;
}

static void check_control(const struct seccomp_act *act)
{
	int result = child_run(NULL, act->act);

	for (int i = 0; i < 3; i++) {
		if (result == act->controls[i] && (i == 0 || act->controls[i] != 0))
			return;
	}
	fail_msg("%s: without the filter the answer is %d", act->name, result);
}

static void check_act(const struct seccomp_act *act, enum ks_profile profile, bool notify)
{
	int nr = -1;
	int result = notify ? child_run_listened(child_program(profile, true), act->act, &nr)
			    : child_run(child_program(profile, false), act->act);
	int wanted = act->wanted;

	/* The listener has told, then killed. */
	if (wanted == DIES && nr >= 0)
		wanted = CHILD_SIGNALLED + SIGKILL;
	if (result != wanted)
		fail_msg("%s under profile %d%s: %d instead of %d", act->name, profile,
			notify ? " with a listener" : "", result, wanted);
}

static void check_acts(const struct seccomp_act *acts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_control(&acts[i]);
		for (int n = 0; n < 4; n++) {
			enum ks_profile profile = n / 2;

			if (acts[i].profiles & (1 << profile))
				check_act(&acts[i], profile, n % 2);
		}
	}
}

static void test_file_acts(void **state)
{
	(void)state;
	check_acts(file_acts, file_act_count);
}

static void test_process_acts(void **state)
{
	(void)state;
	check_acts(process_acts, process_act_count);
}

/* What counts in the end is that nothing has reached the host's sockets. */
static void test_socket_acts(void **state)
{
	int sent = 0;

	(void)state;
	for (size_t i = 0; i < socket_act_count; i++) {
		check_control(&socket_acts[i]);
		sent += messages_at_host();
		for (int n = 0; n < 4; n++) {
			enum ks_profile profile = n / 2;

			if (socket_acts[i].profiles & (1 << profile))
				check_act(&socket_acts[i], profile, n % 2);
		}
		assert_int_equal(messages_at_host(), 0);
		assert_int_equal(accept(host_sockets[0], NULL, NULL), -1);
		assert_int_equal(accept(host_sockets[1], NULL, NULL), -1);
	}
	assert_true(sent > 0);
}

static int current_nr;

/* Arguments that no kernel would do anything with, should the filter let the call through. */
static int act_current(void)
{
	return answer(syscall(current_nr, -1L, -1L, -1L, -1L, -1L, -1L));
}

static void check_killed(const char *name, int nr)
{
	current_nr = nr;
	for (enum ks_profile profile = 0; profile < SECCOMP_PROFILES; profile++) {
		int seen;

		assert_int_equal(child_run(child_program(profile, false), act_current), DIES);
		assert_int_equal(
			child_run_listened(child_program(profile, true), act_current, &seen),
			CHILD_SIGNALLED + SIGKILL);
		assert_int_equal(seen, nr);
		assert_string_equal(seccomp_syscall_name(child_machine(), seen), name);
	}
}

static void test_every_killed_call_is_named(void **state)
{
	struct seccomp_call call;
	int killed = 0;

	(void)state;
	for (size_t i = 0; seccomp_call_at(i, &call); i++) {
		int nr = strcmp(child_machine(), "x86_64") == 0 ? call.x86_64 : call.aarch64;

		if (nr < 0 || strcmp(call.strict, "killed") != 0)
			continue;
		check_killed(call.name, nr);
		killed++;
	}
	assert_true(killed >= 30);
}

static int act_nothing(void)
{
	return 0;
}

/* The kernel takes every program. That of the other machine then ends its process at the first
 * call, which is what a call of another architecture comes to. */
static void test_kernel_takes_every_program(void **state)
{
	static const char *const machines[] = {"x86_64", "aarch64"};

	(void)state;
	for (int i = 0; i < 8; i++) {
		const char *machine = machines[i / 4];
		bool native = strcmp(machine, child_machine()) == 0;
		const struct seccomp_program *program = seccomp_program_for(
			i / 2 % 2, machine, i % 2);

		assert_int_equal(child_run(program, act_nothing), native ? 0 : DIES);
	}
}

/* A broken program is refused, so the test above could fail. */
static void test_kernel_refuses_a_broken_program(void **state)
{
	const struct seccomp_program *whole = child_program(KS_PROFILE_WORKER_STRICT, false);
	const struct seccomp_program cut = {whole->filter, whole->len - 1};

	(void)state;
	assert_int_equal(child_run(&cut, act_nothing), CHILD_NOT_LOADED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_takes_every_program),
		cmocka_unit_test(test_kernel_refuses_a_broken_program),
		cmocka_unit_test(test_file_acts),
		cmocka_unit_test(test_process_acts),
		cmocka_unit_test(test_socket_acts),
		cmocka_unit_test(test_every_killed_call_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

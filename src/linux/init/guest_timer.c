/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the guest's timer goes as fast as its clock. The kernel of an emulated machine measures
 * the timer against the time stamp counter, over a tenth of a second at its start; when the host
 * gives the emulator's processor to others just then, it finds a timer that is too fast, too slow,
 * or none at all. Nothing sets that right later: each sleep takes as many times too long as the
 * kernel is wrong, and without a timer whoever sleeps sleeps for ever. It is seen in a file, so
 * that this does not have to sleep, either. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "linux/init/guest_parts.h"
#include "linux/init/process.h"

#define ROOM 32768 /* of the whole list, with all that sleeps before anybody works */
#define SMALLEST_SHIFT 6 /* that the bounds below can be told with */

/* The number behind a label in the lines of a device; 0: there is none. */
static uint64_t number_of(const char *device, const char *label)
{
	const char *at = strstr(device, label);

	if (!at)
		return 0;
	at += strlen(label);
	while (*at == ' ' || *at == '\t')
		at++;
	return parse_number(&at);
}

/* The local APIC of QEMU's and KVM's machines counts at 1 GHz, of which the kernel takes each 16th:
 * so much in 2^shift ns is right. One that is taken for slower rings early, which the kernel sees,
 * and waits for the rest; one that is taken for faster rings late. */
static bool rate_fits(uint64_t mult, uint64_t shift)
{
	if (shift < SMALLEST_SHIFT || shift > 32)
		return false;
	return mult >= UINT64_C(1) << (shift - 5) && mult <= UINT64_C(5) << (shift - 6);
}

bool guest_timer_fits(const char *list)
{
	static const char label[] = "Per CPU device: 0\nClock Event Device: ";
	static const char apic[] = "lapic\n";
	const char *device = strstr(list, label);

	if (!device)
		return false;
	device += sizeof(label) - 1;
	if (*device == '<')
		return false;
	/* Any other is one whose rate the host tells, or another processor's. */
	return strncmp(device, apic, sizeof(apic) - 1) != 0 ||
	       rate_fits(number_of(device, " mult:"), number_of(device, " shift:"));
}

int guest_timer_check(struct failure *failure)
{
	static char list[ROOM];

	/* Not every kernel shows it. */
	if (read_small_file(AT_FDCWD, "/proc/timer_list", list, sizeof(list)) <= 0 ||
		guest_timer_fits(list))
		return 0;
	return failure_set(failure, ETIME, "guest", "its timer does not go as its clock does");
}

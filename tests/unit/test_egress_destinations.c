/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit remembers of those that were denied. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "audit_fixture.h"

static void test_destinations(void **state)
{
	struct audit *audit = new_audit(-1);
	struct audit_line line = AUDIT_LINE_INIT;
	struct egress_denied denied;
	struct egress_summary summary = {0};
	char name[32];

	(void)state;
	assert_int_equal(audit_denied(audit, 0, &denied), -ENOENT);
	put(audit, REASON_ALLOWED, "a.example");
	assert_int_equal(audit_denied(audit, 0, &denied), -ENOENT);
	put(audit, REASON_HOST_NOT_ALLOWED, "first.example");
	for (int i = 0; i < 3; i++)
		put(audit, REASON_HOST_NOT_ALLOWED, "often.example");
	put(audit, REASON_BAD_NAME, "often.example"); /* another reason is another row */
	put(audit, REASON_BAD_NAME, "a\x1b[1m\xff z");
	line.event = AUDIT_CONNECT;
	line.reason = REASON_ADDRESS_NOT_ALLOWED;
	line.dst = address_from_v4((const uint8_t[]){192, 0, 2, 1});
	audit_put(audit, &line);
	line.event = AUDIT_CLOSE; /* no denial */
	audit_put(audit, &line);

	assert_int_equal(audit_denied(audit, 0, &denied), 0);
	assert_string_equal(denied.host, "often.example");
	assert_string_equal(denied.entry, "entry:443");
	assert_int_equal(denied.times, 3);
	assert_int_equal(denied.port, 443);
	assert_int_equal(denied.reason, REASON_HOST_NOT_ALLOWED);
	assert_int_equal(audit_denied(audit, 1, &denied), 0);
	assert_string_equal(denied.host, "first.example");
	assert_int_equal(audit_denied(audit, 3, &denied), 0);
	assert_string_equal(denied.host, "a?[1m??z");
	assert_int_equal(audit_denied(audit, 4, &denied), 0);
	assert_string_equal(denied.host, "192.0.2.1");
	assert_string_equal(denied.entry, "");
	assert_int_equal(audit_denied(audit, 5, &denied), -ENOENT);

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		put(audit, REASON_HOST_NOT_ALLOWED, name);
	}
	put(audit, REASON_HOST_NOT_ALLOWED, "first.example"); /* is still counted */
	assert_int_equal(audit_denied(audit, 1, &denied), 0);
	assert_int_equal(denied.times, 2);
	assert_int_equal(audit_denied(audit, AUDIT_MAX_DESTINATIONS - 1, &denied), 0);
	assert_int_equal(audit_denied(audit, AUDIT_MAX_DESTINATIONS, &denied), -ENOENT);
	audit_totals(audit, &summary);
	assert_int_equal(summary.denials, 208);
	assert_int_equal(summary.suppressed, 0);
	audit_free(audit);
}

/* A name that is longer than any host, and an entry that is longer than its room. */
static void test_long_names(void **state)
{
	struct audit *audit = new_audit(-1);
	struct audit_line line = AUDIT_LINE_INIT;
	struct egress_denied denied;
	char name[2000];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	line.event = AUDIT_CONNECT;
	line.reason = REASON_BAD_NAME;
	line.host = name;
	line.host_len = sizeof(name) - 1;
	line.entry = name;
	audit_put(audit, &line);
	assert_int_equal(audit_denied(audit, 0, &denied), 0);
	assert_int_equal(strlen(denied.host), KS_MAX_HOST);
	assert_int_equal(strlen(denied.entry), sizeof(denied.entry) - 1);
	audit_free(audit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests_name("egress_destinations", tests, NULL, NULL);
}

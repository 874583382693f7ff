/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "audit_fixture.h"

void put(struct audit *audit, enum egress_reason reason, const char *host)
{
	struct audit_line line = AUDIT_LINE_INIT;

	line.event = AUDIT_CONNECT;
	line.reason = reason;
	line.host = host;
	line.host_len = strlen(host);
	line.port = 443;
	line.rule = reason ? NULL : "rule:443";
	line.entry = reason ? "entry:443" : NULL;
	audit_put(audit, &line);
}

uint64_t suppressed(const struct audit *audit)
{
	struct egress_summary summary = {0};

	audit_totals(audit, &summary);
	return summary.suppressed;
}

static void take_line(struct reader *reader, const char *text, size_t len)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	long long seq, left_out;

	assert_non_null(line);
	seq = json_integer_value(json_object_get(line, "seq"));
	left_out = json_integer_value(json_object_get(line, "suppressed"));
	assert_string_equal(json_string_value(json_object_get(line, "worker")), "w-7");
	assert_int_equal(seq, reader->last_seq + left_out + 1);
	reader->last_seq = seq;
	reader->told += left_out;
	reader->lines++;
	json_decref(line);
}

void take_text(struct reader *reader, const char *text, size_t len)
{
	char *end;

	assert_true(reader->len + len <= sizeof(reader->text));
	memcpy(reader->text + reader->len, text, len);
	reader->len += len;
	while ((end = memchr(reader->text, '\n', reader->len))) {
		size_t taken = (size_t)(end - reader->text) + 1;

		take_line(reader, reader->text, taken);
		memmove(reader->text, reader->text + taken, reader->len - taken);
		reader->len -= taken;
	}
}

void drain(struct reader *reader, int fd)
{
	char bytes[4000]; /* not the size of anything */
	ssize_t len;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((len = read(fd, bytes, sizeof(bytes))) > 0)
		take_text(reader, bytes, (size_t)len);
}

void drain_all(struct reader *reader, struct audit *audit, int fd)
{
	do {
		audit_flush(audit);
		drain(reader, fd);
	} while (audit_pending(audit));
	drain(reader, fd);
	assert_int_equal(reader->len, 0);
}

struct audit *new_audit(int fd)
{
	struct audit *audit = audit_new(fd, "w-7", "sha256:00");

	assert_non_null(audit);
	return audit;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that does what it is asked to, also what no worker should. It reads one request a line,
 * whose method names the act and whose params hold one number at most:
 *
 *	{"jsonrpc":"2.0","id":1,"method":"sleep","params":[20]}
 *
 * Requests are of the test's own making, so that they need no parser. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Of a build with the sanitizer: who looks for leaks traces itself, and no worker may; and a signal
 * that ends a worker is to be one. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:handle_segv=0:handle_abort=0:handle_sigbus=0";
}

static char line[4 << 20];
static char id[64], method[64], params[1 << 20];
static unsigned long token; /* another one in each worker */

static void nap(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static void answer_to(const char *whose, const char *result)
{
	printf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n", whose, result);
	fflush(stdout);
}

static void answer(const char *result)
{
	answer_to(id, result);
}

/* The bytes behind "key": up to the comma or brace that follows, as the test writes them. */
static void member(const char *key, char *room, size_t size)
{
	const char *from = strstr(line, key), *to;

	*room = '\0';
	if (!from)
		return;
	from += strlen(key);
	to = from;
	if (*from == '[')
		to = strrchr(line, ']') + 1;
	else
		while (*to && *to != ',' && *to != '}')
			to++;
	snprintf(room, size, "%.*s", (int)(to - from), from);
}

static long number(void)
{
	return strtol(params + (*params == '['), NULL, 10);
}

static int next_line(void)
{
	if (!fgets(line, sizeof(line), stdin))
		return 0;
	member("\"id\":", id, sizeof(id));
	member("\"method\":", method, sizeof(method));
	member("\"params\":", params, sizeof(params));
	return 1;
}

static void drip(void)
{
	char text[256];
	int len = snprintf(text, sizeof(text),
		"\n\r\n{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":\"d\xc3\xa9p\"}\r\n", id);

	for (int i = 0; i < len; i++) {
		fputc(text[i], stdout);
		fflush(stdout);
		nap(1);
	}
}

static void flood(size_t bytes)
{
	printf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":\"", id);
	for (size_t i = 0; i < bytes; i++)
		fputc('x', stdout);
	printf("\"}\n");
	fflush(stdout);
}

/* Asks the client, and answers with what it said. */
static void ask(void)
{
	char mine[64], text[1 << 12];

	snprintf(mine, sizeof(mine), "%s", id);
	printf("{\"jsonrpc\":\"2.0\",\"id\":\"mine\",\"method\":\"roots/list\"}\n");
	fflush(stdout);
	if (!next_line())
		exit(9);
	line[strcspn(line, "\n")] = '\0';
	snprintf(text, sizeof(text), "%.4000s", line);
	answer_to(mine, text);
}

static void hog_memory(void)
{
	for (;;) {
		char *more = malloc(1 << 20);

		if (more)
			memset(more, 1, 1 << 20);
	}
}

static void raw(const char *bytes, size_t len)
{
	fwrite(bytes, 1, len, stdout);
	fflush(stdout);
}

static void spam(void)
{
	for (;;)
		printf("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n");
}

/* In pieces that cost little: what ends it is to be the flood, and not cpu_ms. */
static void lines(void)
{
	char many[1024];

	memset(many, '\n', sizeof(many));
	for (;;)
		raw(many, sizeof(many));
}

static int is(const char *name)
{
	size_t len = strlen(name);

	return strncmp(method + 1, name, len) == 0 && method[1 + len] == '"';
}

static void act_well(void)
{
	char text[64];

	snprintf(text, sizeof(text), "%lu", token);
	if (is("echo"))
		answer(*params ? params : "null");
	else if (is("who"))
		answer(text);
	else if (is("sleep")) {
		nap(number());
		answer(text);
	} else if (is("drip"))
		drip();
	else if (is("large"))
		flood((size_t)number());
	else if (is("ask"))
		ask();
	else if (is("notify")) {
		for (int i = 0; i < 3; i++)
			printf("{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":[%d]}\n", i);
		answer("true");
	}
}

static void act_badly(void)
{
	if (is("crash"))
		raise(SIGSEGV);
	else if (is("exit"))
		exit((int)number());
	else if (is("stderr")) {
		fprintf(stderr, "last words of %ld\n", number());
		exit(3);
	} else if (is("garbage"))
		raw("hello\n", 6);
	else if (is("nul"))
		raw("{}\0\n", 4);
	else if (is("latin1"))
		raw("{\"\xe9\":1}\n", 8);
	else if (is("batch"))
		raw("[]\n", 3);
	else if (is("parse-error"))
		raw("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700}}\n", 52);
	else if (is("wrong-id"))
		answer_to("999999", "1");
	else if (is("string-id"))
		answer_to("\"1\"", "1");
	else if (is("twice")) {
		printf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":1}\n", id);
		answer("2");
	} else if (is("spam"))
		spam();
	else if (is("lines"))
		lines();
	else if (is("endless"))
		for (;;)
			raw("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 64);
	else if (is("close")) {
		fclose(stdout);
		for (;;)
			pause();
	} else if (is("last")) {
		close(STDIN_FILENO); /* nothing can be written to it once it has answered */
		answer("true");
		exit(0);
	} else if (is("memory"))
		hog_memory();
	else if (is("cpu"))
		for (;;)
			token++;
}

/* What comes when nobody asks. */
static void act_late(void)
{
	answer("true");
	nap(30);
	if (is("late-crash"))
		raise(SIGSEGV);
	else if (is("late-garbage"))
		raw("hello\n", 6);
	else if (is("late-answer"))
		answer("true");
	else if (is("late-note"))
		raw("{\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n", 31);
}

int main(int argc, char **argv)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	token = (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec;
	if (argc > 1 && strcmp(argv[1], "fail") == 0)
		return 7;
	if (argc > 1 && strcmp(argv[1], "stubborn") == 0)
		signal(SIGTERM, SIG_IGN);
	while (next_line()) {
		if (!*id)
			continue;
		if (strncmp(method, "\"late-", 6) == 0) {
			act_late();
			continue;
		}
		act_well();
		act_badly();
	}
	if (argc > 1 && strcmp(argv[1], "stubborn") == 0)
		for (;;)
			pause();
	return 0;
}

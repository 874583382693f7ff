/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"

static void put(struct strbuf *out, const char *text)
{
	strbuf_add(out, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void put_list(struct strbuf *out, const struct strv *list)
{
	for (size_t i = 0; i < list->len; i++)
		put(out, list->items[i]);
}

int order_write(const struct order *order, struct strbuf *out)
{
	struct order_numbers numbers = order->numbers;

	numbers.version = ORDER_VERSION;
	numbers.n_argv = order->argv.len;
	numbers.n_env = order->env.len;
	numbers.n_tell = order->tell.len;
	strbuf_add(out, &numbers, sizeof(numbers));
	put(out, order->program);
	put(out, order->cwd);
	put(out, order->directory);
	put(out, order->door);
	put(out, order->file);
	put(out, order->file_text);
	put(out, order->proof);
	put(out, order->name);
	put(out, order->record);
	put_list(out, &order->argv);
	put_list(out, &order->env);
	put_list(out, &order->tell);
	if (out->error)
		return out->error;
	numbers.size = out->len;
	memcpy(out->data, &numbers, sizeof(numbers));
	return 0;
}

/* The next text, or NULL past the end. */
static const char *take(const char **at, const char *end)
{
	const char *text = *at;
	const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

	if (!nul)
		return NULL;
	*at = nul + 1;
	return text;
}

static int take_list(const char **at, const char *end, uint64_t count, struct strv *list)
{
	for (uint64_t i = 0; i < count; i++) {
		const char *text = take(at, end);
		int r = text ? strv_add(list, text) : -EINVAL;

		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_sound(const struct order *order)
{
	const struct order_numbers *numbers = &order->numbers;
	bool machine = numbers->machine == 1;

	return order->program[0] == '/' && order->cwd[0] == '/' && order->directory[0] == '/' &&
	       order->record[0] == '/' && order->argv.len && numbers->caller > 1 &&
	       numbers->caller <= INT32_MAX && numbers->machine <= 1 && numbers->waits <= 1 &&
	       (!*order->door || *order->door == '/') &&
	       machine == (*order->name && order->tell.len && *order->proof && *order->file);
}

int order_read(const char *text, size_t size, struct order *ret_order)
{
	const char *end = text + size;
	const char *at = text + sizeof(struct order_numbers);
	struct order *order = ret_order;
	const char **const texts[] = {&order->program, &order->cwd, &order->directory, &order->door,
		&order->file, &order->file_text, &order->proof, &order->name, &order->record};
	int r = 0;

	*order = (struct order){0};
	if (size < sizeof(order->numbers) || size > KS_MAX_SPEC_BYTES)
		return -EINVAL;
	memcpy(&order->numbers, text, sizeof(order->numbers));
	if (order->numbers.version != ORDER_VERSION || order->numbers.size != size ||
		order->numbers.n_rlimits > ORDER_MAX_RLIMITS)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = take(&at, end);
		if (!*texts[i])
			return -EINVAL;
	}
	r = take_list(&at, end, order->numbers.n_argv, &order->argv);
	if (r == 0)
		r = take_list(&at, end, order->numbers.n_env, &order->env);
	if (r == 0)
		r = take_list(&at, end, order->numbers.n_tell, &order->tell);
	if (r == 0 && (at != end || !is_sound(order)))
		r = -EINVAL;
	return r;
}

void order_done(struct order *order)
{
	strv_done(&order->argv);
	strv_done(&order->env);
	strv_done(&order->tell);
}

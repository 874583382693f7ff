/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/host_place.h"

#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "policy/say.h"

#define MOST_DEEP 5

/* "macos.version", "paths[2].kind". */
static void spell(struct strbuf *out, const struct place *place)
{
	const struct place *way[MOST_DEEP];
	size_t n = 0;

	for (; place && n < MOST_DEEP; place = place->around)
		way[n++] = place;
	while (n--)
		if (!way[n]->name)
			strbuf_addf(out, "[%zu]", way[n]->index);
		else
			strbuf_addf(out, "%s%s", out->len ? "." : "", way[n]->name);
	if (out->len == 0 && !out->error)
		strbuf_puts(out, "host");
}

int place_refuse(const struct place *place, const char *reason, ks_error **reterr)
{
	autostrbuf struct strbuf where;

	strbuf_init(&where, KS_MAX_TEXT);
	spell(&where, place);
	if (where.error)
		return error_oom(reterr);
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "host", .field = where.data, .remedy = PLACE_REMEDY),
		"facts of a host: %s: %s", where.data, reason);
}

/* The value as it was written, where that is short. */
static struct phrase shown(const json_t *value)
{
	autofree char *text = NULL;

	if (!value)
		return phrase("nothing is there");
	if (json_is_object(value) || json_is_array(value))
		return phrase("this is %s", json_is_object(value) ? "an object" : "a list");
	text = json_write(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	if (!text)
		return phrase("this is another value");
	return phrase("this is %.60s%s", text, strlen(text) > 60 ? "..." : "");
}

int place_wrong(
	const struct place *place, const json_t *value, const char *expected, ks_error **reterr)
{
	return place_refuse(
		place, phrase("%s is expected, and %s", expected, shown(value).text).text, reterr);
}

int place_unknown(
	const struct place *place, const char *const *names, size_t n_names, ks_error **reterr)
{
	int closest = closest_choice(place->name, strlen(place->name), names, n_names);
	autostrbuf struct strbuf reason;

	strbuf_init(&reason, KS_MAX_TEXT);
	if (closest >= 0)
		return place_refuse(place,
			phrase("there is no fact of this name; \"%s\" is one", names[closest]).text,
			reterr);
	strbuf_puts(&reason, "there is no fact of this name; there are");
	for (size_t i = 0; i < n_names; i++)
		strbuf_addf(&reason, "%s %s", i ? "," : "", names[i]);
	return reason.error ? error_oom(reterr) : place_refuse(place, reason.data, reterr);
}

int place_integer(const json_t *value, json_int_t low, json_int_t high, json_int_t *ret_number)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < low || number > high)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

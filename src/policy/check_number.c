/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/fields.h"

#define MIB ((uint64_t)1024 * 1024)

/* Units that people put behind a number, each with its factor. */
struct suffix {
	const char *unit; /* of the number */
	const char *text; /* lower case */
	uint64_t factor;
};

static const struct suffix suffixes[] = {
	{"milliseconds", "ms", 1},
	{"milliseconds", "s", 1000},
	{"milliseconds", "sec", 1000},
	{"milliseconds", "m", 60000},
	{"milliseconds", "min", 60000},
	{"milliseconds", "h", 3600000},
	{"MiB", "m", 1},
	{"MiB", "mb", 1},
	{"MiB", "mib", 1},
	{"MiB", "g", 1024},
	{"MiB", "gb", 1024},
	{"MiB", "gib", 1024},
	{"MiB", "t", MIB},
	{"MiB", "tb", MIB},
	{"MiB", "tib", MIB},
	{"percent of one CPU", "%", 1},
	{"bytes", "b", 1},
	{"bytes", "k", 1024},
	{"bytes", "kb", 1000},
	{"bytes", "kib", 1024},
	{"bytes", "m", MIB},
	{"bytes", "mb", 1000000},
	{"bytes", "mib", MIB},
	{"bytes", "g", 1024 * MIB},
	{"bytes", "gb", 1000000000},
	{"bytes", "gib", 1024 * MIB},
};

static bool in_bounds(const struct policy_field_info *info, uint64_t value)
{
	return value >= info->minimum && value <= info->maximum;
}

/* Reads digits; what is too large for any field stays too large. */
static size_t read_digits(const char *text, size_t len, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t i = 0;

	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		if (value <= UINT64_MAX / 100)
			value = value * 10 + (uint64_t)(text[i] - '0');
	*ret_value = value;
	return i;
}

static uint64_t factor_of(const struct policy_field_info *info, const char *text, size_t len)
{
	if (len == 0)
		return 1;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strcmp(suffixes[i].unit, info->unit) == 0 && strlen(suffixes[i].text) == len &&
			strncasecmp(suffixes[i].text, text, len) == 0)
			return suffixes[i].factor;
	return 0;
}

/* The number that somebody meant who wrote `64M`, `"64"` or `64.0`. */
static bool number_meant(
	const struct policy_field_info *info, const char *text, size_t len, uint64_t *ret_value)
{
	uint64_t value, factor;
	size_t used = read_digits(text, len, &value);

	if (used == 0)
		return false;
	if (used < len && text[used] == '.') {
		size_t zeros = used + 1;

		while (zeros < len && text[zeros] == '0')
			zeros++;
		used = zeros;
	}
	while (used < len && text[used] == ' ')
		used++;
	factor = factor_of(info, text + used, len - used);
	if (factor == 0 || value > info->maximum / factor)
		return false;
	*ret_value = value * factor;
	return in_bounds(info, *ret_value);
}

static int refuse(struct problems *to, size_t at, const struct policy_field_info *info,
	const char *shown, const char *remedy)
{
	return problem_add(to, -EINVAL, at, ABOUT(.field = info->name, .remedy = remedy),
		"must be %sa whole number of %s from %" PRIu64 " to %" PRIu64 ", got %s",
		info->nullable ? "null or " : "", info->unit, info->minimum, info->maximum, shown);
}

static struct phrase least_remedy(const struct policy_field_info *info)
{
	if (info->nullable)
		return phrase("write at least 1, or null for the backend's default");
	if (info->minimum)
		return phrase("write at least %" PRIu64, info->minimum);
	return phrase("write 0 for no limit, or a number above it");
}

/* What to write instead of null. */
static struct phrase null_remedy(const struct policy_field_info *info)
{
	if (info->nullable)
		return phrase("write null without quotes");
	if (info->minimum)
		return phrase("leave it out for the default, which is %s", info->default_text);
	return phrase("write 0 for no limit");
}

/* Bytes where MiB are wanted are the usual reason for a number that is far too large. */
static struct phrase most_remedy(const struct policy_field_info *info, uint64_t value)
{
	if (strcmp(info->unit, "MiB") == 0 && value % MIB == 0 && in_bounds(info, value / MIB))
		return phrase("write %" PRIu64 ": the unit is MiB, not bytes", value / MIB);
	return phrase("write at most %" PRIu64, info->maximum);
}

int check_number(
	struct problems *to, size_t at, const struct policy_field_info *info, uint64_t value)
{
	struct phrase shown = phrase("%" PRIu64, value);

	if (value == KS_POLICY_UNSET && info->nullable)
		return 0;
	if (value < info->minimum)
		return refuse(to, at, info, shown.text, least_remedy(info).text);
	if (value > info->maximum)
		return refuse(to, at, info, shown.text, most_remedy(info, value).text);
	return 0;
}

int check_number_text(struct problems *to, size_t at, const struct policy_field_info *info,
	const char *text, size_t len, uint64_t *ret_value)
{
	struct phrase shown = as_written(text, len);
	uint64_t value;

	if (text[0] == '-')
		return refuse(to, at, info, shown.text, least_remedy(info).text);
	if (read_digits(text, len, &value) < len)
		return refuse_number(to, at, info, text, len, shown.text);
	if (value > info->maximum)
		return refuse(to, at, info, shown.text, most_remedy(info, value).text);
	if (check_number(to, at, info, value) < 0)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int refuse_number(struct problems *to, size_t at, const struct policy_field_info *info,
	const char *text, size_t len, const char *shown)
{
	uint64_t meant;

	if (number_meant(info, text, len, &meant))
		return refuse(to, at, info, shown, phrase("write %" PRIu64, meant).text);
	if (len == 4 && memcmp(text, "null", 4) == 0)
		return refuse(to, at, info, shown, null_remedy(info).text);
	return refuse(to, at, info, shown,
		phrase("write a whole number without quotes, for example %s", info->example).text);
}

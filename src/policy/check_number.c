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
	enum policy_field field;
	const char *text; /* lower case */
	uint64_t factor;
};

static const struct suffix suffixes[] = {
	{FIELD_CPU_MS, "ms", 1},
	{FIELD_CPU_MS, "s", 1000},
	{FIELD_CPU_MS, "sec", 1000},
	{FIELD_CPU_MS, "m", 60000},
	{FIELD_CPU_MS, "min", 60000},
	{FIELD_CPU_MS, "h", 3600000},
	{FIELD_MEM_MB, "m", 1},
	{FIELD_MEM_MB, "mb", 1},
	{FIELD_MEM_MB, "mib", 1},
	{FIELD_MEM_MB, "g", 1024},
	{FIELD_MEM_MB, "gb", 1024},
	{FIELD_MEM_MB, "gib", 1024},
	{FIELD_MEM_MB, "t", MIB},
	{FIELD_MEM_MB, "tb", MIB},
	{FIELD_MEM_MB, "tib", MIB},
	{FIELD_CPU_QUOTA_PCT, "%", 1},
};

static bool in_bounds(enum policy_field field, uint64_t value)
{
	const struct policy_field_info *info = policy_field_info(field);

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

static uint64_t factor_of(enum policy_field field, const char *text, size_t len)
{
	if (len == 0)
		return 1;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (suffixes[i].field == field && strlen(suffixes[i].text) == len &&
			strncasecmp(suffixes[i].text, text, len) == 0)
			return suffixes[i].factor;
	return 0;
}

/* The number that somebody meant who wrote `64M`, `"64"` or `64.0`. */
static bool number_meant(enum policy_field field, const char *text, size_t len, uint64_t *ret_value)
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
	factor = factor_of(field, text + used, len - used);
	if (factor == 0 || value > policy_field_info(field)->maximum)
		return false;
	*ret_value = value * factor;
	return in_bounds(field, *ret_value);
}

static int refuse(struct problems *to, size_t at, enum policy_field field, const char *shown,
	const char *remedy)
{
	const struct policy_field_info *info = policy_field_info(field);

	return problem_add(to, -EINVAL, at, ABOUT(.field = info->name, .remedy = remedy),
		"must be %sa whole number of %s from %" PRIu64 " to %" PRIu64 ", got %s",
		info->nullable ? "null or " : "", info->unit, info->minimum, info->maximum, shown);
}

static const char *least_remedy(const struct policy_field_info *info)
{
	return info->nullable ? "write at least 1, or null for the backend's default"
			      : "write 0 for no limit, or a number above it";
}

/* Bytes where MiB are wanted are the usual reason for a number that is far too large. */
static struct phrase most_remedy(enum policy_field field, uint64_t value)
{
	if (field == FIELD_MEM_MB && value % MIB == 0 && in_bounds(field, value / MIB))
		return phrase("write %" PRIu64 ": the unit is MiB, not bytes", value / MIB);
	return phrase("write at most %" PRIu64, policy_field_info(field)->maximum);
}

int check_number(struct problems *to, size_t at, enum policy_field field, uint64_t value)
{
	const struct policy_field_info *info = policy_field_info(field);
	struct phrase shown = phrase("%" PRIu64, value);

	if (value == KS_POLICY_UNSET && info->nullable)
		return 0;
	if (value < info->minimum)
		return refuse(to, at, field, shown.text, least_remedy(info));
	if (value > info->maximum)
		return refuse(to, at, field, shown.text, most_remedy(field, value).text);
	return 0;
}

int check_number_text(struct problems *to, size_t at, enum policy_field field, const char *text,
	size_t len, uint64_t *ret_value)
{
	const struct policy_field_info *info = policy_field_info(field);
	struct phrase shown = as_written(text, len);
	uint64_t value;

	if (text[0] == '-')
		return refuse(to, at, field, shown.text, least_remedy(info));
	if (read_digits(text, len, &value) < len)
		return refuse_number(to, at, field, text, len, shown.text);
	if (value > info->maximum)
		return refuse(to, at, field, shown.text, most_remedy(field, value).text);
	if (check_number(to, at, field, value) < 0)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int refuse_number(struct problems *to, size_t at, enum policy_field field, const char *text,
	size_t len, const char *shown)
{
	const struct policy_field_info *info = policy_field_info(field);
	uint64_t meant;

	if (number_meant(field, text, len, &meant))
		return refuse(to, at, field, shown, phrase("write %" PRIu64, meant).text);
	if (len == 4 && memcmp(text, "null", 4) == 0)
		return refuse(to, at, field, shown,
			info->nullable ? "write null without quotes" : "write 0 for no limit");
	return refuse(to, at, field, shown,
		phrase("write a whole number without quotes, for example %s", info->example).text);
}

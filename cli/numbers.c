/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units, as people type them. */
#include <errno.h>
#include <string.h>

#include "cli/options.h"

struct unit {
	const char *name;
	uint64_t factor;
};

int parse_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

/* Up to three decimals, so that everything is exact in thousandths. */
static int parse_thousandths(const char *text, const char **ret_rest, uint64_t *ret)
{
	uint64_t value = 0;
	unsigned decimals = 0;
	bool point = false, digits = false;

	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		digits = true;
		if (point && ++decimals > 3)
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return -ERANGE;
	}
	for (; decimals < 3; decimals++)
		if (__builtin_mul_overflow(value, 10u, &value))
			return -ERANGE;
	if (!digits)
		return -EINVAL;
	*ret_rest = text;
	*ret = value;
	return 0;
}

/* In units of the table's factors, rounded up. */
static int parse_with_units(
	const char *text, const struct unit *units, uint64_t divisor, uint64_t *ret)
{
	const char *rest;
	uint64_t value;
	int r = parse_thousandths(text, &rest, &value);

	if (r < 0)
		return r;
	for (; units->name; units++) {
		if (strcmp(rest, units->name) != 0)
			continue;
		if (__builtin_mul_overflow(value, units->factor, &value) ||
			__builtin_add_overflow(value, divisor * 1000 - 1, &value))
			return -ERANGE;
		*ret = value / (divisor * 1000);
		return 0;
	}
	return -EINVAL;
}

int parse_size_mib(const char *text, uint64_t *ret)
{
	static const struct unit units[] = {{"", 1024}, {"K", 1}, {"KiB", 1}, {"M", 1024},
		{"MiB", 1024}, {"G", 1024ull * 1024}, {"GiB", 1024ull * 1024},
		{"T", 1024ull * 1024 * 1024}, {"TiB", 1024ull * 1024 * 1024}, {NULL, 0}};

	return parse_with_units(text, units, 1024, ret);
}

int parse_time_ms(const char *text, uint64_t *ret)
{
	static const struct unit units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60ull * 1000},
		{"min", 60ull * 1000}, {"h", 3600ull * 1000}, {NULL, 0}};

	return parse_with_units(text, units, 1, ret);
}

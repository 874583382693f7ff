/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/template/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEXADECIMAL "0123456789abcdef"
#define RATE_DIGITS 10
#define RATE_PART 128 /* of a rate: so far from it is another */

void template_name_write(const struct template_name *name, char ret[TEMPLATE_NAME_ROOM])
{
	snprintf(ret, TEMPLATE_NAME_ROOM, TEMPLATE_PREFIX "%s-%" PRIu32 "-%s", name->key,
		name->tsc_khz, name->content);
}

/* Moves behind the hash and the character that follows it. */
static bool take_hash(const char **at, char end, char ret[SHA256_TEXT])
{
	if (strspn(*at, HEXADECIMAL) != SHA256_TEXT - 1 || (*at)[SHA256_TEXT - 1] != end)
		return false;
	memcpy(ret, *at, SHA256_TEXT - 1);
	ret[SHA256_TEXT - 1] = '\0';
	*at += SHA256_TEXT - (end == '\0');
	return true;
}

static bool take_rate(const char **at, uint32_t *ret)
{
	size_t len = strspn(*at, "0123456789");
	uint64_t rate = 0;

	if (len == 0 || len > RATE_DIGITS || (*at)[len] != '-')
		return false;
	for (size_t i = 0; i < len; i++)
		rate = rate * 10 + (uint64_t)((*at)[i] - '0');
	*at += len + 1;
	*ret = (uint32_t)rate;
	return rate <= UINT32_MAX;
}

bool template_name_read(const char *text, struct template_name *ret)
{
	char again[TEMPLATE_NAME_ROOM];
	const char *at = text + sizeof(TEMPLATE_PREFIX) - 1;

	if (strncmp(text, TEMPLATE_PREFIX, sizeof(TEMPLATE_PREFIX) - 1) != 0 ||
		!take_hash(&at, '-', ret->key) || !take_rate(&at, &ret->tsc_khz) ||
		!take_hash(&at, '\0', ret->content))
		return false;
	/* One way to write it: nobody is to have two files of one name. */
	template_name_write(ret, again);
	return strcmp(text, again) == 0;
}

bool template_rate_fits(uint32_t told, uint32_t now)
{
	uint32_t apart = told > now ? told - now : now - told;

	return apart <= now / RATE_PART;
}

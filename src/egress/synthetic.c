/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/synthetic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int synthetic_init(struct synthetic *table, size_t capacity, struct hash_key key)
{
	struct synthetic made = {.capacity = capacity, .n_slots = 2, .key = key};

	if (capacity == 0 || capacity > SYNTHETIC_MAX)
		return -EINVAL;
	while (made.n_slots < 2 * capacity)
		made.n_slots *= 2;
	made.names = calloc(capacity, sizeof(*made.names));
	made.slots = calloc(made.n_slots, sizeof(*made.slots));
	if (!made.names || !made.slots) {
		synthetic_done(&made);
		return -ENOMEM;
	}
	*table = made;
	return 0;
}

void synthetic_done(struct synthetic *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->names[i]);
	free(table->names);
	free(table->slots);
	*table = (struct synthetic){0};
}

/* The slot of the name, or the free one where it would go. At least half of the slots are free. */
static uint32_t *find_slot(const struct synthetic *table, const char *name)
{
	size_t at = (size_t)hash_text(table->key, name) & (table->n_slots - 1);

	while (table->slots[at] && strcmp(table->names[table->slots[at] - 1], name) != 0)
		at = (at + 1) & (table->n_slots - 1);
	return &table->slots[at];
}

uint32_t synthetic_find(const struct synthetic *table, const struct egress_host *name)
{
	return name->kind == HOST_NAME ? *find_slot(table, name->text) : 0;
}

int synthetic_number(struct synthetic *table, const struct egress_host *name, uint32_t *ret_number)
{
	uint32_t *slot;
	char *copy;

	if (name->kind != HOST_NAME)
		return -EINVAL;
	slot = find_slot(table, name->text);
	if (!*slot) {
		if (table->count == table->capacity)
			return -ENOSPC;
		copy = strdup(name->text);
		if (!copy)
			return -ENOMEM;
		table->names[table->count++] = copy;
		*slot = (uint32_t)table->count;
	}
	*ret_number = *slot;
	return 0;
}

static const uint8_t base_v4[2] = {198, 18};
static const uint8_t base_v6[14] = {0x20, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01};

struct address synthetic_v4(uint32_t number)
{
	uint8_t bytes[4] = {base_v4[0], base_v4[1], (uint8_t)(number >> 8), (uint8_t)number};

	return address_from_v4(bytes);
}

struct address synthetic_v6(uint32_t number)
{
	uint8_t bytes[16] = {0};

	memcpy(bytes, base_v6, sizeof(base_v6));
	bytes[14] = (uint8_t)(number >> 8);
	bytes[15] = (uint8_t)number;
	return address_from_v6(bytes);
}

/* 0 where the address is not of the form. */
static uint32_t number_of(const struct address *address)
{
	struct address plain = *address;
	const uint8_t *bytes = plain.bytes;

	address_unmap(&plain);
	if (plain.family == ADDRESS_V4 && memcmp(bytes, base_v4, sizeof(base_v4)) == 0)
		return (uint32_t)bytes[2] << 8 | bytes[3];
	if (plain.family == ADDRESS_V6 && memcmp(bytes, base_v6, sizeof(base_v6)) == 0)
		return (uint32_t)bytes[14] << 8 | bytes[15];
	return 0;
}

const char *synthetic_name(const struct synthetic *table, const struct address *address)
{
	uint32_t number = number_of(address);

	return number && number <= table->count ? table->names[number - 1] : NULL;
}

bool synthetic_is(const struct address *address)
{
	struct address plain = *address;

	address_unmap(&plain);
	return address_class(&plain) == CLASS_SYNTHETIC;
}

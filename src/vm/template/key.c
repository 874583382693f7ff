/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/template/key.h"

#include <string.h>

/* Each part behind its name and with its end, so that no two lists of parts are the same text. */
static void add(struct sha256 *hash, const char *name, const char *text, size_t len)
{
	sha256_add(hash, name, strlen(name) + 1);
	sha256_add(hash, text, len);
	sha256_add(hash, "", 1);
}

static void add_text(struct sha256 *hash, const char *name, const char *text)
{
	add(hash, name, text, strlen(text));
}

/* A word of the command, without the number in it that was measured. */
static void add_word(struct sha256 *hash, const char *word)
{
	static const char rate[] = "tsc_early_khz=";
	const char *at = strstr(word, rate);
	size_t before;

	if (!at) {
		add_text(hash, "word", word);
		return;
	}
	before = (size_t)(at - word) + sizeof(rate) - 1;
	add(hash, "word", word, before);
	word += before;
	add_text(hash, "rest", word + strspn(word, "0123456789"));
}

void template_key(const struct template_parts *parts, char ret[SHA256_TEXT])
{
	const struct vm_look *pins = &parts->vm->pins;
	const struct strv *command = &parts->vm->command;
	struct sha256 hash;

	sha256_init(&hash);
	add_text(&hash, "kastellan", parts->version);
	add_text(&hash, "keeper", parts->keeper);
	add_text(&hash, "processor", parts->processor);
	add_text(&hash, "emulator", pins->qemu);
	add_text(&hash, "firmware", pins->firmware);
	add_text(&hash, "kernel", pins->kernel);
	add_text(&hash, "initramfs", parts->initramfs);
	for (size_t i = 0; i < command->len; i++)
		add_word(&hash, command->items[i]);
	sha256_text(&hash, ret);
}

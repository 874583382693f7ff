/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/idn.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/utf8.h"

/* Of idn2.h, as soname 0 has them. */
#define IDN2_OK 0
#define IDN2_MALLOC (-100)
#define IDN2_NFC_INPUT 1
#define IDN2_NO_TR46 64

static int (*lookup_u8)(const uint8_t *name, uint8_t **ret_ascii, int flags);
static void (*free_ascii)(void *ascii);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const names[] = {"libidn2.so.0", "libidn2.0.dylib"};
	void *library = NULL;

	for (size_t i = 0; !library && i < sizeof(names) / sizeof(names[0]); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return;
	*(void **)&free_ascii = dlsym(library, "idn2_free");
	if (free_ascii)
		*(void **)&lookup_u8 = dlsym(library, "idn2_lookup_u8");
}

int idn_to_ascii(const char *name, size_t len, char *ret_ascii, size_t room)
{
	/* A name has fewer bytes in ASCII than this in UTF-8: four for each character at most. */
	uint8_t text[4 * KS_MAX_HOST + 1], *ascii = NULL;
	int r;

	if (len >= sizeof(text) || memchr(name, '\0', len) || utf8_prefix(name, len) != len)
		return -EINVAL;
	pthread_once(&once, load);
	if (!lookup_u8)
		return -ENOSYS;
	/* Letter case means nothing in a host, but the strict rules know no upper case. */
	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a'
								     : name[i]);
	text[len] = '\0';
	r = lookup_u8(text, &ascii, IDN2_NFC_INPUT | IDN2_NO_TR46);
	if (r != IDN2_OK)
		return r == IDN2_MALLOC ? -ENOMEM : -EINVAL;
	r = (size_t)snprintf(ret_ascii, room, "%s", (const char *)ascii) < room ? 0 : -EINVAL;
	free_ascii(ascii);
	return r;
}

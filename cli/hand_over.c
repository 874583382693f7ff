/* SPDX-License-Identifier: Apache-2.0 */
/* The command has nobody to hand over to. */
#include "cli/hand_over.h"

void hand_over_words(char **argv)
{
	(void)argv;
}

void hand_over(void)
{
}

void hand_over_policy(const char *path)
{
	(void)path;
}

void hand_over_backend(ks_backend *backend)
{
	(void)backend;
}

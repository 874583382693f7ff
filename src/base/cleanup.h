/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound ownership: a variable marked autofree, autofd or autofile is released when its
 * scope ends, on every path. Hand the value on with take_ptr() or take_fd(). */
#ifndef KS_BASE_CLEANUP_H
#define KS_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *slot)
{
	free(*(void **)slot);
}

/* Closing never disturbs errno, so that it may stand between a failing call and its report. */
static inline void cleanup_close(int *slot)
{
	if (*slot >= 0) {
		int saved = errno;

		close(*slot);
		errno = saved;
	}
}

static inline void cleanup_fclose(FILE **slot)
{
	if (*slot)
		fclose(*slot);
}

#define autofree __attribute__((cleanup(cleanup_free)))
#define autofd __attribute__((cleanup(cleanup_close)))
#define autofile __attribute__((cleanup(cleanup_fclose)))

/* Declares `autoclean(type)`-style helpers for one type: DEFINE_CLEANUP(ks_policy *,
 * ks_policy_free) gives cleanup_ks_policy_free(), used as
 * __attribute__((cleanup(cleanup_ks_policy_free))). */
#define DEFINE_CLEANUP(type, function)                    \
	static inline void cleanup_##function(type *slot) \
	{                                                 \
		if (*slot)                                \
			function(*slot);                  \
	}                                                 \
	struct cleanup_##function##_needs_a_semicolon
#define autoclean(function) __attribute__((cleanup(cleanup_##function)))

static inline int take_fd(int *slot)
{
	int fd = *slot;

	*slot = -1;
	return fd;
}

/* Closes it now, once. */
static inline void drop_fd(int *slot)
{
	cleanup_close(slot);
	*slot = -1;
}

#define take_ptr(slot)                            \
	({                                        \
		__typeof__(slot) taken_ = (slot); \
		(slot) = NULL;                    \
		taken_;                           \
	})

#endif

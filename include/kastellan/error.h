/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong, as a caller-owned object: never printed by the library, never lost.
 *
 * Every function of the library that can fail returns 0 (or a count) on success and a negative
 * errno value on failure. Where its last parameter is `ks_error **reterr`, a failure also stores an
 * error object there, unless reterr is NULL or memory ran out (*reterr is then NULL: always test
 * it). On success *reterr is left untouched. Free the object with ks_error_free().
 *
 * Thread-safety: an error object belongs to one thread at a time. */
#ifndef KASTELLAN_ERROR_H
#define KASTELLAN_ERROR_H

#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_error ks_error;

/* The negative errno value that the failing function returned. */
KS_API int ks_error_code(const ks_error *error);

/* One sentence that names the step or the field, the object and the reason. Never NULL. */
KS_API const char *ks_error_message(const ks_error *error);

/* The step that failed ("policy", "resolve", "grant", "cgroup", "landlock", "exec", ...). Never
 * NULL; the list is in libkastellan(3). */
KS_API const char *ks_error_step(const ks_error *error);

/* The policy field concerned ("fs_read", "mem_mb", ...), or a setting in it ("egress.bytes"), or
 * NULL. */
KS_API const char *ks_error_field(const ks_error *error);

/* The path or other object concerned, or NULL. */
KS_API const char *ks_error_path(const ks_error *error);

/* What to do next, as an instruction to a person, or NULL where there is nothing to advise. */
KS_API const char *ks_error_remedy(const ks_error *error);

/* Position in the policy text, counted from 1; 0 where it does not apply. The column counts bytes.
 */
KS_API unsigned ks_error_line(const ks_error *error);
KS_API unsigned ks_error_column(const ks_error *error);

/* The next problem of the same input (a policy can have several), or NULL. Owned by the first. */
KS_API const ks_error *ks_error_next(const ks_error *error);

/* Frees the object and the chain behind it. NULL is allowed. */
KS_API void ks_error_free(ks_error *error);

#ifdef __cplusplus
}
#endif

#endif

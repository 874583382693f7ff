/* SPDX-License-Identifier: Apache-2.0 */
/* Backends: what enforces a policy, and what this host can do.
 *
 * A ks_backends bundle holds one backend of each kind that exists on this operating system.
 * Nothing of the host is looked at before it is needed, and nothing is looked at twice.
 *
 * Ownership: ks_backends belongs to the caller, who frees it. A ks_backend is counted: every
 * function that returns one returns a reference of the caller's own, to be given back with
 * ks_backend_unref(); it stays valid after its bundle is freed.
 * Thread-safety: every function here may be called from any thread at any time, on shared bundles
 * and backends too, but for freeing what another thread still uses. */
#ifndef KASTELLAN_BACKEND_H
#define KASTELLAN_BACKEND_H

#include <stddef.h>

#include <kastellan/error.h>
#include <kastellan/policy.h>
#include <kastellan/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ks_backend ks_backend;
typedef struct ks_backends ks_backends;

/* The kinds of this operating system; those of another do not exist. A number has the same meaning
 * everywhere. */
enum ks_backend_kind {
	KS_BACKEND_NONE = 0, /* in a request: the default of the operating system */
#if defined(__linux__)
	KS_BACKEND_BWRAP = 1, /* the default: bubblewrap, Landlock, seccomp, control group */
	KS_BACKEND_NATIVE = 2,
	KS_BACKEND_LANDLOCK = 3,
	KS_BACKEND_FIRECRACKER_VM = 4,
	KS_BACKEND_QEMU_VM = 5
#elif defined(__APPLE__)
	KS_BACKEND_SEATBELT = 6, /* the default */
	KS_BACKEND_CONTAINER = 7
#endif
};

/* "bwrap", "native", "landlock", "firecracker", "qemu", "seatbelt", "container"; "none" for
 * KS_BACKEND_NONE and for what is no kind. */
KS_API const char *ks_backend_kind_name(enum ks_backend_kind kind);

/* The kind with that name. Returns 0, -EOPNOTSUPP for a kind of another operating system, or
 * -EINVAL for no kind at all. */
KS_API int ks_backend_kind_from_name(
	const char *name, enum ks_backend_kind *ret_kind, ks_error **reterr);

/* A bundle of this operating system's own backends. Returns 0 or -ENOMEM. */
KS_API int ks_backends_new(ks_backends **ret_backends);

/* A bundle of the backends of the host that the facts describe: what *kastellan doctor --json*
 * prints there, or its member "host". They plan as they would there, and run nothing, so that a
 * policy can be reviewed for a host, also for a Mac, from anywhere. Grants are taken as they are
 * written: as directories that exist, but for what the facts list under "paths". Returns 0,
 * -EINVAL, -EOPNOTSUPP for a host whose backends cannot be planned on this system, or -ENOMEM. */
KS_API int ks_backends_describe(
	const char *facts, size_t len, ks_backends **ret_backends, ks_error **reterr);

/* As ks_backend_kind_from_name(), of the bundle's host. The number of a kind of another system has
 * no name in this header there. */
KS_API int ks_backends_kind_from_name(const ks_backends *backends, const char *name,
	enum ks_backend_kind *ret_kind, ks_error **reterr);

/* NULL is allowed. Backends that were handed out stay valid. */
KS_API void ks_backends_free(ks_backends *backends);

/* Puts another backend in the place of the one of that kind; the bundle takes a reference of its
 * own. Returns 0, or -EINVAL where the kind does not exist here. */
KS_API int ks_backends_set(
	ks_backends *backends, enum ks_backend_kind kind, ks_backend *backend, ks_error **reterr);

/* The backend that answers a request. There is one for every request, and never another than the
 * one asked for; whether this host has what it needs shows when it is used.
 *   KS_BACKEND_NONE           the default kind of this operating system
 *   a kind                    the bundle's instance, the same each time
 *   a kind with images, image a fresh instance for that image; without image, the bundle's own, of
 *                             the default image (KS_BACKEND_CONTAINER: "alpine:3.20")
 *   a kind without images     image is ignored
 * Where this operating system has no backend, the answer is one of kind KS_BACKEND_NONE, which
 * refuses to run anything. Returns 0, -EINVAL for a number that is no kind, or -ENOMEM. */
KS_API int ks_backends_resolve(ks_backends *backends, enum ks_backend_kind kind, const char *image,
	ks_backend **ret_backend);

/* A further reference; returns its argument. */
KS_API ks_backend *ks_backend_ref(ks_backend *backend);

/* NULL is allowed. */
KS_API void ks_backend_unref(ks_backend *backend);

KS_API enum ks_backend_kind ks_backend_kind(const ks_backend *backend);
KS_API const char *ks_backend_name(const ks_backend *backend);

/* The image of a backend with images, else NULL. */
KS_API const char *ks_backend_image(const ks_backend *backend);

/* Whether the image of a backend with images is in the host's store, so that a worker's start does
 * not have to fetch it: starts one short-lived program. Returns 0, also for a backend without
 * images; -ENOENT where it is not there, with what fetches it as the error's remedy; -EINVAL for
 * what is no name of one; -EOPNOTSUPP for a host that is only described; or as a spawn does where
 * the backend does not work. Thread-safe. */
KS_API int ks_backend_probe_image(ks_backend *backend, ks_error **reterr);

/* What a stub does instead of running anything. Set size to sizeof(struct ks_backend_stub_ops) and
 * zero the rest. The functions may be called from several threads at once. */
struct ks_backend_stub_ops {
	size_t size;
	/* In the place of a spawn: returns 0 with the exit code that the worker is to have ended
	 * with, or a negative errno value. NULL: exit code 0. */
	int (*spawn)(void *data, const ks_policy *policy, const char *const *argv, int *ret_code);
	/* When the last reference is gone. NULL: nothing. */
	void (*free)(void *data);
};

/* A backend that runs nothing and enforces nothing, for tests of programs that use the library. Its
 * plans say so in every row of the receipt. The kind must exist here. Returns 0, -EINVAL, -E2BIG
 * for ops of a newer library that this one does not understand, or -ENOMEM. */
KS_API int ks_backend_stub_new(enum ks_backend_kind kind, const struct ks_backend_stub_ops *ops,
	void *data, ks_backend **ret_backend);

/* How well a backend or a layer works on this host. */
enum ks_finding_state {
	KS_FINDING_WORKS = 0,
	KS_FINDING_LIMITED = 1, /* it works, and something that a policy can ask is missing */
	KS_FINDING_FAILS = 2
};

/* "works", "limited", "fails". */
KS_API const char *ks_finding_state_name(enum ks_finding_state state);

/* What is known of one backend, or of one layer that backends are made of. The strings belong to
 * the bundle. */
struct ks_finding {
	size_t size; /* sizeof(struct ks_finding) of the caller, set before the call */
	/* The backend's name, or the layer's: "bubblewrap", "userns", "landlock", "seccomp",
	 * "cgroup", "idmap"; on macOS "sandbox-exec", "container". */
	const char *name;
	/* NULL, or: the state in words ("ABI 7", "version 0.8.0"). */
	const char *detail;
	const char *layer; /* of a backend that does not work: the layer at fault, else NULL */
	const char *reason; /* NULL where it works */
	const char *remedy; /* what to do on this host, NULL where there is nothing to do */
	enum ks_finding_state state;
	enum ks_backend_kind kind; /* KS_BACKEND_NONE for a layer */
	int is_backend;
	int is_default; /* the default backend of this operating system */
};

/* Tries everything, by doing and not by version: starts short-lived helper processes, and takes up
 * to a few seconds where something hangs. Later calls cost nothing. Returns 0 or -errno; that
 * something does not work is a finding and no error. */
KS_API int ks_backends_probe(ks_backends *backends, ks_error **reterr);

/* Finding number index: first the layers, then the backends. Probes where that was not done yet.
 * Returns 0, -ENOENT past the last one, or as ks_backends_probe(). */
KS_API int ks_backends_finding(ks_backends *backends, size_t index, struct ks_finding *ret_finding);

/* Facts and findings as one JSON object, as kastellan(1) describes it under "doctor". Free with
 * free(). Returns 0 or as ks_backends_probe(). */
KS_API int ks_backends_json(ks_backends *backends, char **ret_text, ks_error **reterr);

#ifdef __cplusplus
}
#endif

#endif

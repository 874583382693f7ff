/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of libkastellan. libkastellan(3) is the way in. */
#ifndef KASTELLAN_KASTELLAN_H
#define KASTELLAN_KASTELLAN_H

#include <kastellan/backend.h>
#include <kastellan/egress.h>
#include <kastellan/error.h>
#include <kastellan/plan.h>
#include <kastellan/policy.h>
#include <kastellan/prepared.h>
#include <kastellan/run.h>
#include <kastellan/tools.h>
#include <kastellan/workers.h>

#define KASTELLAN_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library at run time. */
KS_API const char *ks_version(void);

#ifdef __cplusplus
}
#endif

#endif

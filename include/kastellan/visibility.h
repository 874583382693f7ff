/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KASTELLAN_VISIBILITY_H
#define KASTELLAN_VISIBILITY_H

#if defined(__GNUC__)
#define KS_API __attribute__((visibility("default")))
#else
#define KS_API
#endif

#endif

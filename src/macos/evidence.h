/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of these backends, in the words that every plan, the doctor and the README use. How
 * far they have been tried is what tests/macos/STATUS records: that is the one place to change. */
#ifndef KS_MACOS_EVIDENCE_H
#define KS_MACOS_EVIDENCE_H

#include "macos/recorded.h"

#define MACOS_EVIDENCE "cross-built and model-checked, " MACOS_RECORDED

#endif

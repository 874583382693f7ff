/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of these backends, in the words that every plan, the doctor and the README use.
 * This is the one place to change when tests/macos has been run on a Mac and its result is
 * recorded. */
#ifndef KS_MACOS_EVIDENCE_H
#define KS_MACOS_EVIDENCE_H

#define MACOS_EVIDENCE "cross-built and model-checked, never run"

#endif

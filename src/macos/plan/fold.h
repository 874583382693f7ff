/* SPDX-License-Identifier: Apache-2.0 */
/* Names in every spelling that a Mac's file system takes for the same one, as regular expressions
 * of a Seatbelt profile. The usual file system there keeps the letter case of a name and ignores it
 * when it looks one up, by Unicode's full case folding: a rule against "ref" that knew one spelling
 * would leave "REF" open. */
#ifndef KS_MACOS_PLAN_FOLD_H
#define KS_MACOS_PLAN_FOLD_H

#include <stdbool.h>

#include "base/strbuf.h"

/* Whether every other spelling of the text is known here: of ASCII alone. */
bool fold_known(const char *text);

/* Appends an expression that matches the text in every spelling. It may match a little more where
 * one character stands for two letters ("st"), never less. */
void fold_every_case(struct strbuf *out, const char *text);

/* Appends an expression that matches exactly the text. */
void fold_exact(struct strbuf *out, const char *text);

#endif

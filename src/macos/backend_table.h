/* SPDX-License-Identifier: Apache-2.0 */
/* The same table under two names: the one for plans on every platform, and on a Mac that of the
 * platform. */
#ifndef KS_MACOS_BACKEND_TABLE_H
#define KS_MACOS_BACKEND_TABLE_H

#include "macos/kinds.h"
#include "resolve/backends.h"

#define MACOS_N_ROWS 2
#define MACOS_N_LAYERS 2

extern const struct backend_row macos_rows[MACOS_N_ROWS];
extern const struct layer_row macos_layers[MACOS_N_LAYERS];

#define MACOS_TABLE                                                                     \
	{                                                                               \
		.rows = macos_rows, .len = MACOS_N_ROWS, .default_kind = KIND_SEATBELT, \
		.layers = macos_layers, .n_layers = MACOS_N_LAYERS, .os = "macos",      \
	}

#endif

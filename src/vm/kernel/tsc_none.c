/* SPDX-License-Identifier: Apache-2.0 */
/* For processors that machines are not made on. */
#include "vm/kernel/tsc.h"

uint32_t tsc_measure_khz(void)
{
	return 0;
}

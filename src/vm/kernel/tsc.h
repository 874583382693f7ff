/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_KERNEL_TSC_H
#define KS_VM_KERNEL_TSC_H

#include <stdint.h>

/* Ticks of the processor's time stamp counter in a millisecond, measured for about two of them; 0
 * where there is no such counter. */
uint32_t tsc_measure_khz(void);

#endif

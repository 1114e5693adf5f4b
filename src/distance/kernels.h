/*
 * kernels.h
 *		The tables of this folder, for dispatch.c alone.
 *
 * Purpose: declare what each kernel_*.c defines and when it is compiled in.
 * Everybody else uses distance.h.
 */
#ifndef OMEN_KERNELS_H
#define OMEN_KERNELS_H

#include "distance.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define OMEN_KERNELS_X86 1
#endif

extern const OmenKernels omen_kernels_scalar;

#ifdef OMEN_KERNELS_X86
extern const OmenKernels omen_kernels_avx2;
extern const OmenKernels omen_kernels_avx512;
extern const OmenKernels omen_kernels_avx512_vnni;
extern const OmenKernels omen_kernels_avx512_vpopcnt;
#endif

#endif							/* OMEN_KERNELS_H */

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

/*
 * Every Arm CPU of 64 bits has NEON.  What only newer ones have is asked for
 * function by function, which a compiler must have learnt.
 */
#if defined(__AARCH64EL__) && defined(__ARM_NEON) && defined(__GNUC__)
#define OMEN_KERNELS_NEON 1
#if defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 10
#define OMEN_KERNELS_DOTPROD 1
#define OMEN_TARGET_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#define OMEN_TARGET_I8MM __attribute__((target("arch=armv8.2-a+i8mm")))
#define OMEN_TARGET_FHM __attribute__((target("arch=armv8.2-a+fp16fml")))
#endif
#endif

extern const OmenKernels omen_kernels_scalar;

#ifdef OMEN_KERNELS_X86
extern const OmenKernels omen_kernels_avx2;
extern const OmenKernels omen_kernels_avx512;
extern const OmenKernels omen_kernels_avx512_vnni;
extern const OmenKernels omen_kernels_avx512_vpopcnt;
#endif

#ifdef OMEN_KERNELS_NEON
extern const OmenKernels omen_kernels_neon;
#endif
#ifdef OMEN_KERNELS_DOTPROD
extern const OmenKernels omen_kernels_neon_dotprod;
extern const OmenKernels omen_kernels_neon_i8mm;
#endif

#endif							/* OMEN_KERNELS_H */

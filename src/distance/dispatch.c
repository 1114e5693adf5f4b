/*
 * dispatch.c
 *		Choose the kernel table that fits the CPU.
 *
 * Purpose: ask the CPU and the operating system what may be used, once per
 * request, and set omen_kernels.  It must not compute distances.  Not
 * thread-safe: call it before there are threads.
 */
#include <string.h>

#include "kernels.h"

const OmenKernels *omen_kernels = &omen_kernels_scalar;

#ifdef OMEN_KERNELS_X86

#include <cpuid.h>

/* Bits of XCR0: register state the operating system saves. */
#define XCR0_AVX 0x06u
#define XCR0_AVX512 0xe6u

/* Bits of cpuid leaves, by leaf and register. */
#define LEAF1_ECX_FMA (1u << 12)
#define LEAF1_ECX_OSXSAVE (1u << 27)
#define LEAF1_ECX_AVX (1u << 28)
#define LEAF1_ECX_F16C (1u << 29)
#define LEAF7_EBX_AVX2 (1u << 5)
#define LEAF7_EBX_AVX512F (1u << 16)
#define LEAF7_EBX_AVX512BW (1u << 30)
#define LEAF7_EBX_AVX512VL (1u << 31)
#define LEAF7_ECX_AVX512VNNI (1u << 11)
#define LEAF7_ECX_AVX512VPOPCNTDQ (1u << 14)

static uint32_t
read_xcr0(void)
{
	uint32_t	low;
	uint32_t	high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	(void) high;
	return low;
}

static inline bool
has_all(uint32_t flags, uint32_t wanted)
{
	return (flags & wanted) == wanted;
}

/* The AVX2 or AVX-512 table this machine runs; NULL if it cannot. */
static void
detect(const OmenKernels **avx2, const OmenKernels **avx512)
{
	uint32_t	eax, ebx, ecx, edx, xcr0;

	*avx2 = NULL;
	*avx512 = NULL;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return;
	if (!has_all(ecx, LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX | LEAF1_ECX_FMA |
						  LEAF1_ECX_F16C))
		return;
	xcr0 = read_xcr0();
	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		return;

	if (!has_all(xcr0, XCR0_AVX) || !has_all(ebx, LEAF7_EBX_AVX2))
		return;
	*avx2 = &omen_kernels_avx2;

	if (!has_all(xcr0, XCR0_AVX512) ||
		!has_all(ebx,
				 LEAF7_EBX_AVX512F | LEAF7_EBX_AVX512BW | LEAF7_EBX_AVX512VL))
		return;
	if (has_all(ecx, LEAF7_ECX_AVX512VNNI | LEAF7_ECX_AVX512VPOPCNTDQ))
		*avx512 = &omen_kernels_avx512_vpopcnt;
	else if (has_all(ecx, LEAF7_ECX_AVX512VNNI))
		*avx512 = &omen_kernels_avx512_vnni;
	else
		*avx512 = &omen_kernels_avx512;
}

#endif							/* OMEN_KERNELS_X86 */

/* The table this machine would run under that name, or NULL. */
static const OmenKernels *
find_runnable(const char *name)
{
	const OmenKernels *avx2 = NULL;
	const OmenKernels *avx512 = NULL;
	bool		any = strcmp(name, "auto") == 0;

#ifdef OMEN_KERNELS_X86
	detect(&avx2, &avx512);
#endif

	if (avx512 != NULL && (any || strcmp(name, "avx512") == 0))
		return avx512;
	if (avx2 != NULL && (any || strcmp(name, "avx2") == 0))
		return avx2;
	if (any || strcmp(name, "scalar") == 0)
		return &omen_kernels_scalar;
	return NULL;
}

void
omen_kernels_init(void)
{
	omen_kernels = find_runnable("auto");
}

bool
omen_kernels_select(const char *name)
{
	const OmenKernels *found = find_runnable(name);

	if (found == NULL)
		return false;
	omen_kernels = found;
	return true;
}

bool
omen_kernels_available(const char *name)
{
	return find_runnable(name) != NULL;
}

const OmenKernels *
omen_kernels_table(const char *name)
{
	if (strcmp(name, "scalar") == 0)
		return &omen_kernels_scalar;
#ifdef OMEN_KERNELS_X86
	if (strcmp(name, "avx2") == 0)
		return &omen_kernels_avx2;
	if (strcmp(name, "avx512") == 0)
		return &omen_kernels_avx512;
	if (strcmp(name, "avx512vnni") == 0)
		return &omen_kernels_avx512_vnni;
	if (strcmp(name, "avx512vpopcnt") == 0)
		return &omen_kernels_avx512_vpopcnt;
#endif
	return NULL;
}

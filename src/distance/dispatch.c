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

/* The most tables that a machine can run. */
#define MAX_RUNNABLE 4

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

/* The tables this machine can run, the best first; returns how many. */
static size_t
list_special(const OmenKernels **list)
{
	uint32_t	eax, ebx, ecx, edx, xcr0;
	size_t		n = 0;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return 0;
	if (!has_all(ecx, LEAF1_ECX_OSXSAVE | LEAF1_ECX_AVX | LEAF1_ECX_FMA |
						  LEAF1_ECX_F16C))
		return 0;
	xcr0 = read_xcr0();
	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
		return 0;
	if (!has_all(xcr0, XCR0_AVX) || !has_all(ebx, LEAF7_EBX_AVX2))
		return 0;

	if (has_all(xcr0, XCR0_AVX512) &&
		has_all(ebx,
				LEAF7_EBX_AVX512F | LEAF7_EBX_AVX512BW | LEAF7_EBX_AVX512VL))
	{
		if (has_all(ecx, LEAF7_ECX_AVX512VNNI | LEAF7_ECX_AVX512VPOPCNTDQ))
			list[n++] = &omen_kernels_avx512_vpopcnt;
		else if (has_all(ecx, LEAF7_ECX_AVX512VNNI))
			list[n++] = &omen_kernels_avx512_vnni;
		else
			list[n++] = &omen_kernels_avx512;
	}
	list[n++] = &omen_kernels_avx2;
	return n;
}

#elif defined(OMEN_KERNELS_NEON)

#ifdef __linux__
#include <sys/auxv.h>
#endif

/* What the kernel says of the CPU; the headers of old systems lack some. */
#define HWCAP_DOTPROD (1ul << 20)
#define HWCAP_FHM (1ul << 23)
#define HWCAP2_MATRIX (1ul << 13)

/* The tables this machine can run, the best first; returns how many. */
static size_t
list_special(const OmenKernels **list)
{
	size_t		n = 0;

#if defined(OMEN_KERNELS_DOTPROD) && defined(__linux__)
	unsigned long hwcap = getauxval(AT_HWCAP);
	unsigned long hwcap2 = getauxval(AT_HWCAP2);

	if ((hwcap & HWCAP_DOTPROD) && (hwcap & HWCAP_FHM) &&
		(hwcap2 & HWCAP2_MATRIX))
		list[n++] = &omen_kernels_neon_i8mm;
	if (hwcap & HWCAP_DOTPROD)
		list[n++] = &omen_kernels_neon_dotprod;
#endif
	list[n++] = &omen_kernels_neon;
	return n;
}

#else

static size_t
list_special(const OmenKernels **list)
{
	(void) list;
	return 0;
}

#endif

/* The table this machine would run under that name, or NULL. */
static const OmenKernels *
find_runnable(const char *name)
{
	const OmenKernels *list[MAX_RUNNABLE];
	size_t		n = list_special(list);
	bool		any = strcmp(name, "auto") == 0;

	list[n++] = &omen_kernels_scalar;
	for (size_t i = 0; i < n; i++)
		if (any || strcmp(name, list[i]->name) == 0)
			return list[i];
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
	static const struct
	{
		const char *name;
		const OmenKernels *table;
	}			tables[] = {
		{"scalar", &omen_kernels_scalar},
#ifdef OMEN_KERNELS_X86
		{"avx2", &omen_kernels_avx2},
		{"avx512", &omen_kernels_avx512},
		{"avx512vnni", &omen_kernels_avx512_vnni},
		{"avx512vpopcnt", &omen_kernels_avx512_vpopcnt},
#endif
#ifdef OMEN_KERNELS_NEON
		{"neon", &omen_kernels_neon},
#endif
#ifdef OMEN_KERNELS_DOTPROD
		{"neon_dotprod", &omen_kernels_neon_dotprod},
		{"neon_i8mm", &omen_kernels_neon_i8mm},
#endif
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strcmp(name, tables[i].name) == 0)
			return tables[i].table;
	return NULL;
}

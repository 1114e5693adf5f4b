/*
 * test_mirror.c
 *		Transposed copies of blocks: every element is in its other place, and
 *		nothing beside them is written.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/distance/mirror.h"
#include "check.h"
#include "random.h"

#define MOST 72
#define UNTOUCHED -1.0f

static void
check_mirror(uint32_t rows, uint32_t columns, size_t stride)
{
	float	   *from = malloc(MOST * stride * sizeof(float));
	float	   *to = malloc(MOST * stride * sizeof(float));
	long		wrong = 0;

	for (size_t i = 0; i < MOST * stride; i++)
	{
		from[i] = (float) (random_u64() >> 40);
		to[i] = UNTOUCHED;
	}
	omen_mirror(from, rows, columns, to, stride);
	for (uint32_t c = 0; c < MOST; c++)
		for (size_t r = 0; r < stride; r++)
			wrong +=
				to[c * stride + r] !=
				(c < columns && r < rows ? from[r * stride + c] : UNTOUCHED);
	CHECK_MSG(wrong == 0, "%u rows, %u columns, stride %zu: %ld wrong", rows,
			  columns, stride, wrong);
	free(from);
	free(to);
}

int
main(void)
{
	for (uint32_t rows = 0; rows <= MOST - 8; rows++)
		for (uint32_t columns = 0; columns <= 64; columns += 4)
		{
			check_mirror(rows, columns, MOST);
			check_mirror(rows, columns, MOST + 3);
		}
	return check_finish();
}

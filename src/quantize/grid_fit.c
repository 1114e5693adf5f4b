/*
 * grid_fit.c
 *		Find the grid that fits a vector best, for numbers of few bits.
 *
 * Purpose: omen_grid_encode_fitted, see grid.h.  With 256 steps a grid may as
 * well reach from the smallest coordinate to the largest.  With 16 or 4 the few
 * coordinates far out cost all the others too much: those beyond the grid get
 * its first or last number, and the error as it is measured counts that in.
 *
 * Some grids are tried, of the width that fits normally distributed coordinates
 * (which a rotation makes of any), a little narrower and wider, and from end to
 * end; the one of the least squares of errors decides the numbers.  Offset and
 * step are then fitted to the numbers: least squares, and stretched until the
 * error is at a right angle to the vector.
 *
 * The last makes the error a little longer and an estimate of a product with
 * the vector right on average (J. Gao and C. Long, "RaBitQ", 2024).  Numbers
 * that fit best stand for a vector that is too short, by the square of the
 * error, and its distance to a query near by is not that of an error that
 * points anywhere, which bounds go by.  Measured on 20,000 rows of 768
 * dimensions (bench/datasets.py, embeddings), with two bits: recall of the ten
 * nearest among the twenty of the nearest codes is the same, but to tell the
 * ten nearest 163 rows have to be fetched without it, and 35 with it.
 * All of this takes as long again as the transformation does, 1.7 microseconds
 * at 768 dimensions.
 *
 * The numbers and headers are part of the on-disk format: the order of every
 * operation that leads to them is fixed for good.
 */
#include "grid.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "transform.h"
#include "exact.h"

/*
 * Widths that are tried, in parts of what fits normally distributed
 * coordinates.  Three find all but 0.4 % of what twenty find.
 */
static const double widths[] = {1.0, 0.92, 1.08};

#define WIDTHS (sizeof(widths) / sizeof(widths[0]))

/* The error may grow by stretching, but not beyond all measure. */
#define LARGEST_STRETCH 2.0

/* A grid, and what is computed from it. */
typedef struct Grid
{
	float		offset;
	float		step;
	float		inverse;		/* of the step */
	float		levels;
} Grid;

/* Sums over the coordinates, each in sixteen parts. */
typedef struct FitSums
{
	Float4		errors[4];		/* of the squared errors, in steps */
	Float4		with_numbers[4]; /* of products of coordinate, in steps from the
								  * offset, and number */
	Float4		numbers[4];
	Float4		squares[4];		/* of the numbers; exact, as these are */
} FitSums;

static double
add_up(const Float4 *sums)
{
	Float4		all = (sums[0] + sums[1]) + (sums[2] + sums[3]);

	return ((double) all[0] + all[1]) + ((double) all[2] + all[3]);
}

/* Set offset and step.  False if the step is too short to have a reciprocal. */
static bool
set_grid(Grid *grid, double offset, double step)
{
	grid->offset = (float) offset;
	grid->step = (float) step;
	if (!(grid->step >= FLT_MIN && grid->step <= FLT_MAX))
		return false;
	grid->inverse = (float) (1.0 / (double) grid->step);
	return true;
}

/* Four coordinates in steps from the offset. */
static inline Float4
in_steps(const float *y, const Grid *grid)
{
	return (load_float4(y) - grid->offset) * grid->inverse;
}

/* Their numbers, as floats: the nearest that there is. */
static inline Float4
nearest_numbers(Float4 v, float levels)
{
	Float4		zero = {0.0f, 0.0f, 0.0f, 0.0f};
	Float4		last = zero + levels;

	v = choose((Word4) (v > zero), v, zero);
	v = choose((Word4) (v < last), v, last);
	return (v + ROUNDING_SHIFT) - ROUNDING_SHIFT;
}

/*
 * The next block of coordinates: y itself, or room filled with what is left and
 * then with what has number 0 and no error.
 */
static inline const float *
block_at(const float *y, uint32_t dim, uint32_t first, float offset,
		 float *room)
{
	if (first + GRID_BLOCK <= dim)
		return y + first;
	for (uint32_t j = 0; j < GRID_BLOCK; j++)
		room[j] = first + j < dim ? y[first + j] : offset;
	return room;
}

/* Lanes first, first + 1, ... of a block, and 0 for those beyond count. */
static inline Float4
first_lanes(Float4 v, uint32_t count, uint32_t first)
{
	for (uint32_t k = 0; k < 4; k++)
		if (first + k >= count)
			v[k] = 0.0f;
	return v;
}

/* The squares of the errors of a grid, in its steps. */
static double
sum_errors(const float *y, uint32_t dim, const Grid *grid)
{
	Float4		errors[4];
	float		room[GRID_BLOCK];

	memset(errors, 0, sizeof(errors));
	for (uint32_t i = 0; i < dim; i += GRID_BLOCK)
	{
		const float *block = block_at(y, dim, i, grid->offset, room);

		for (int j = 0; j < 4; j++)
		{
			Float4		v = in_steps(block + 4 * j, grid);
			Float4		error = v - nearest_numbers(v, grid->levels);

			errors[j] += error * error;
		}
	}
	return add_up(errors);
}

/* What a grid is fitted to its numbers from. */
static void
sum_numbers(const float *y, uint32_t dim, const Grid *grid, FitSums *sums)
{
	float		room[GRID_BLOCK];

	memset(sums, 0, sizeof(*sums));
	for (uint32_t i = 0; i < dim; i += GRID_BLOCK)
	{
		const float *block = block_at(y, dim, i, grid->offset, room);

		for (int j = 0; j < 4; j++)
		{
			Float4		v = in_steps(block + 4 * j, grid);
			Float4		number = nearest_numbers(v, grid->levels);

			sums->with_numbers[j] += v * number;
			sums->numbers[j] += number;
			sums->squares[j] += number * number;
		}
	}
}

/*
 * Write the numbers that one grid gives, and add up what they are off, and
 * their sums, when another says what they stand for.  The errors are in steps
 * of the latter.
 */
static double
write_numbers(const float *y, uint32_t dim, const Grid *grid,
			  const Grid *decoded, OmenCodeHeader *hdr, uint8_t *numbers)
{
	FitSums		sums;
	float		room[GRID_BLOCK];

	memset(&sums, 0, sizeof(sums));
	for (uint32_t i = 0; i < dim; i += GRID_BLOCK)
	{
		const float *block = block_at(y, dim, i, grid->offset, room);
		uint32_t	count = dim - i < GRID_BLOCK ? dim - i : GRID_BLOCK;
		Word4		words[4];
		uint8_t		bytes[GRID_BLOCK];

		for (int j = 0; j < 4; j++)
		{
			Float4		number =
				nearest_numbers(in_steps(block + 4 * j, grid), grid->levels);
			Float4		error = in_steps(block + 4 * j, decoded) - number;

			/* what fills the last block up has an error in the other grid */
			if (count < GRID_BLOCK)
				error = first_lanes(error, count, 4 * (uint32_t) j);
			sums.errors[j] += error * error;
			sums.numbers[j] += number;
			sums.squares[j] += number * number;
			words[j] = (Word4) (number + ROUNDING_SHIFT) & 0xff;
		}
		store_bytes16(bytes, words[0], words[1], words[2], words[3]);
		memcpy(numbers + i, bytes, count);
	}
	hdr->sum = (uint32_t) add_up(sums.numbers);
	hdr->sumsq = (uint32_t) add_up(sums.squares);
	return add_up(sums.errors);
}

/* Of the grids that are tried the one of the least error.  False if none is. */
static bool
choose_grid(const float *y, uint32_t dim, double mean, double deviation,
			double normal_step, float smallest, float largest, Grid *best)
{
	double		least = INFINITY;
	Grid		grid = {.levels = best->levels};
	bool		found = false;

	for (size_t i = 0; i <= WIDTHS; i++)
	{
		double		step =
			i < WIDTHS ? widths[i] * normal_step * deviation
					   : ((double) largest - smallest) / (double) grid.levels;
		double		offset =
			i < WIDTHS ? mean - 0.5 * (double) grid.levels * step : smallest;
		double		error;

		if (!set_grid(&grid, offset, step))
			continue;
		error =
			sum_errors(y, dim, &grid) * (double) grid.step * (double) grid.step;
		if (found && !(error < least))
			continue;
		found = true;
		least = error;
		*best = grid;
	}
	return found;
}

/*
 * What the numbers of a grid should stand for.  sum and sumsq are of the
 * coordinates.
 */
static Grid
fit_grid(const float *y, uint32_t dim, const Grid *grid, double sum,
		 double sumsq)
{
	FitSums		sums;
	Grid		fitted = {.levels = grid->levels};
	double		n = dim;
	double		numbers;
	double		squares;
	double		with_numbers;
	double		spread;
	double		offset;
	double		step;
	double		product;

	sum_numbers(y, dim, grid, &sums);
	numbers = add_up(sums.numbers);
	squares = add_up(sums.squares);
	/* of the numbers and the coordinates themselves */
	with_numbers = (double) grid->offset * numbers +
				   (double) grid->step * add_up(sums.with_numbers);
	spread = n * squares - numbers * numbers;
	if (!(spread > 0.0))
		return *grid;
	step = (n * with_numbers - numbers * sum) / spread;
	offset = (sum - step * numbers) / n;
	product = offset * sum + step * with_numbers;
	if (product > 0.0 && sumsq > product && sumsq < LARGEST_STRETCH * product)
	{
		offset *= sumsq / product;
		step *= sumsq / product;
	}
	return set_grid(&fitted, offset, step) ? fitted : *grid;
}

static double
sum_coordinates(const float *y, uint32_t dim)
{
	Double2		low = {0.0, 0.0};
	Double2		high = {0.0, 0.0};
	uint32_t	i = 0;

	for (; i + LANES <= dim; i += LANES)
	{
		low += load_double2(y + i);
		high += load_double2(y + i + 2);
	}
	for (; i < dim; i++)
		low[0] += y[i];
	return (low[0] + low[1]) + (high[0] + high[1]);
}

double
omen_grid_encode_fitted(const OmenQuantizer *q, const float *y, int levels,
						double normal_step, OmenCodeHeader *hdr,
						uint8_t *numbers)
{
	double		sum = sum_coordinates(y, q->dim);
	double		sumsq = omen_sum_squares(y, q->dim);
	double		mean = sum / q->dim;
	double		variance = sumsq / q->dim - mean * mean;
	Grid		grid = {.levels = (float) levels};
	Grid		fitted;
	float		smallest;
	float		largest;
	float		size;
	double		steps;

	omen_grid_range(y, q->dim, &smallest, &largest);
	if (!choose_grid(y, q->dim, mean, variance > 0.0 ? sqrt(variance) : 0.0,
					 normal_step, smallest, largest, &grid))
		return omen_grid_encode_constant(q, smallest, largest, hdr, numbers);
	fitted = fit_grid(y, q->dim, &grid, sum, sumsq);
	hdr->offset = fitted.offset;
	hdr->step = fitted.step;
	steps = sqrt(write_numbers(y, q->dim, &grid, &fitted, hdr, numbers));

	/*
	 * the errors were measured in float32: three roundings of what is within
	 * the grid, and of what is beyond it parts of its error
	 */
	size = -smallest > largest ? -smallest : largest;
	return omen_grid_finish(q, size,
							steps * (1.0 + omen_kernel_error(q->dim)) *
								hdr->step,
							4.0 * (levels + 1) * UNIT_ROUNDOFF * hdr->step, hdr,
							numbers);
}

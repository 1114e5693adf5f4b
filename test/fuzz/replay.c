/*
 * replay.c
 *		Run a fuzz target once on each file named on the command line.
 *
 * Purpose: ordinary test runs repeat what a fuzzer has found, with any
 * compiler.  It must not know the target.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs are small; a larger file is not one. */
#define MAX_INPUT (1 << 20)

static int
replay(const char *path, uint8_t *data)
{
	FILE	   *file = fopen(path, "rb");
	size_t		size;

	if (file == NULL)
	{
		perror(path);
		return 0;
	}
	size = fread(data, 1, MAX_INPUT, file);
	fclose(file);

	/* A target that finds a fault ends the program: say on which input. */
	printf("%s\n", path);
	fflush(stdout);
	return LLVMFuzzerTestOneInput(data, size) == 0;
}

int
main(int argc, char **argv)
{
	uint8_t	   *data = malloc(MAX_INPUT);
	int			passed = 0;

	for (int i = 1; i < argc; i++)
		passed += replay(argv[i], data);
	free(data);

	printf("%d passed, %d failed\n", passed, argc - 1 - passed);
	return passed > 0 && passed == argc - 1 ? 0 : 1;
}

/*
 * check.h
 *		The least a unit test needs.
 *
 * Purpose: count checks, say where one fails, and end a program with the line
 * "N passed, N failed".  A test program is one test_*.c with a main that ends
 * in "return check_finish();".  It must not know what is tested.
 */
#ifndef OMEN_CHECK_H
#define OMEN_CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* After so many failures only the count goes on. */
#define CHECK_MAX_REPORTS 20

static long check_passed = 0;
static long check_failed = 0;

/* CHECK(condition): evaluated once. */
#define CHECK(condition) \
	check_note((condition), __FILE__, __LINE__, "%s", #condition)

/* CHECK_MSG(condition, format, ...): with what to print if it fails. */
#define CHECK_MSG(condition, ...) \
	check_note((condition), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5))) static inline bool
check_note(bool passed, const char *file, int line, const char *format, ...)
{
	va_list		args;

	if (passed)
	{
		check_passed++;
		return true;
	}
	if (check_failed++ < CHECK_MAX_REPORTS)
	{
		fprintf(stderr, "%s:%d: ", file, line);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fputc('\n', stderr);
	}
	return false;
}

/* Print the closing line; the exit code of the program. */
static inline int
check_finish(void)
{
	printf("%ld passed, %ld failed\n", check_passed, check_failed);
	return check_failed == 0 && check_passed > 0 ? 0 : 1;
}

#endif							/* OMEN_CHECK_H */

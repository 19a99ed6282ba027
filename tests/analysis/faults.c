// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One fault in each function. tests/analysis/run expects from each tool what "finds"
 * says about it: a tool that finds nothing here finds nothing elsewhere.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int use_after_free(void);
int null_dereference(void);
int uninitialised(int way);
int leaked_descriptor(const char *path);
int leaked_memory(size_t size);
int out_of_bounds(void);
int double_free(int way);
int sizeof_pointer(char *text);
char *short_copy(const char *text);
int assignment(int way);

int use_after_free(void)
{
	int *number = malloc(sizeof(*number));
	int result;

	if (!number)
		return -1;
	*number = 1;
	free(number);
	result = *number; /* finds: gcc scan cppcheck */
	return result;
}

int null_dereference(void)
{
	int *number = NULL;

	return *number; /* finds: gcc scan cppcheck */
}

int uninitialised(int way)
{
	int number;

	if (way > 0)
		number = 1;
	return number; /* finds: gcc scan cppcheck */
}

int leaked_descriptor(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char first;

	if (fd < 0)
		return -1;
	if (read(fd, &first, 1) != 1)
		return -1; /* finds: gcc cppcheck */
	close(fd);
	return first;
}

int leaked_memory(size_t size)
{
	char *memory = malloc(size);

	if (!memory)
		return -1;
	memset(memory, 0, size);
	return size > 1; /* finds: gcc scan cppcheck */
}

int out_of_bounds(void)
{
	int numbers[4] = {0};
	int sum = 0;

	for (int i = 0; i <= 4; i++)
		sum += numbers[i]; /* finds: cppcheck */
	return sum;
}

int double_free(int way)
{
	char *memory = malloc(8);

	if (way > 0)
		free(memory);
	free(memory); /* finds: gcc scan cppcheck */
	return way;
}

int sizeof_pointer(char *text)
{
	memset(text, 0, sizeof(text)); /* finds: cppcheck */
	return text[0];
}

char *short_copy(const char *text)
{
	char *copy = malloc(strlen(text + 1)); /* finds: tidy */

	return copy ? strcpy(copy, text) : NULL;
}

int assignment(int way)
{
	if (way = 1) /* finds: tidy */
		return 0;
	return way;
}

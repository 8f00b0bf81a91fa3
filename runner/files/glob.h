/* Glob patterns for paths. */
#ifndef RUNNER_GLOB_H
#define RUNNER_GLOB_H

#include <stdbool.h>

enum { GLOB_PATTERN_MAX = 255 };

/* '?' matches one byte and '*' any number of bytes, except '/'. "**" also matches '/', and "**" followed by '/' matches
 * any number of folders, including none. A leading dot of a name matches only a literal dot. The time is proportional to
 * the product of both lengths. */
bool glob_matches(const char *pattern, const char *path);

#endif

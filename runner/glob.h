/* Patterns for paths. */
#ifndef RUNNER_GLOB_H
#define RUNNER_GLOB_H

#include <stdbool.h>

enum { GLOB_PATTERN_MAX = 255 };

/* '?' is one byte and '*' any number of them, neither of them a '/'; a double star crosses folders, and a double star
 * with a '/' behind it is any number of folders, none included. A dot at the beginning of a name is met by a dot only.
 * The time is linear in pattern times path. */
bool glob_matches(const char *pattern, const char *path);

#endif

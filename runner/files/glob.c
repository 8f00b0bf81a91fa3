#include "files/glob.h"

#include <string.h>

/* The set of reachable positions in the pattern. There is no backtracking, so that no pattern takes exponential time. */
struct reached {
    bool at[GLOB_PATTERN_MAX + 1];
};

static bool crosses_folders(const char *pattern, size_t i)
{
    return pattern[i + 1] == '*' || (i > 0 && pattern[i - 1] == '*');
}

/* Adds the positions that are reachable without consuming a byte of the path. */
static void add_empty_matches(struct reached *reached, const char *pattern, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!reached->at[i] || pattern[i] != '*')
            continue;
        reached->at[i + 1] = true;
        bool starts_name = i == 0 || pattern[i - 1] == '/';
        if (starts_name && strncmp(pattern + i, "**/", 3) == 0)
            reached->at[i + 3] = true;
    }
}

static void consume_byte(struct reached *reached, const char *pattern, size_t length, char byte, bool starts_name)
{
    struct reached next = {{false}};
    for (size_t i = 0; i < length; i++) {
        if (!reached->at[i])
            continue;
        bool hidden = byte == '.' && starts_name;
        bool wild = !hidden && (byte != '/' || (pattern[i] == '*' && crosses_folders(pattern, i)));
        if (pattern[i] == '*')
            next.at[i] |= wild;
        else if (pattern[i] == byte || (pattern[i] == '?' && wild))
            next.at[i + 1] = true;
    }
    *reached = next;
}

bool glob_matches(const char *pattern, const char *path)
{
    struct reached reached = {{true}};
    size_t length = strlen(pattern);
    if (length > GLOB_PATTERN_MAX)
        return false;
    add_empty_matches(&reached, pattern, length);
    for (size_t i = 0; path[i] != '\0'; i++) {
        consume_byte(&reached, pattern, length, path[i], i == 0 || path[i - 1] == '/');
        add_empty_matches(&reached, pattern, length);
    }
    return reached.at[length];
}

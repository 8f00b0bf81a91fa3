#include "process/phase.h"

#include <stdlib.h>
#include <string.h>

enum { FLAG_GETS_STDIN = 1, FLAG_TERMINAL = 2, FLAG_TEST = 4, FLAG_HELD = 8, FLAGS_KNOWN = 15, OPEN_FILES_MIN = 3 };

static void take_flags(struct phase *phase, struct cursor *cursor)
{
    unsigned flags = (unsigned)take_uint(cursor, 1);
    phase->gets_stdin = (flags & FLAG_GETS_STDIN) != 0;
    phase->has_terminal = (flags & FLAG_TERMINAL) != 0;
    phase->is_test = (flags & FLAG_TEST) != 0;
    phase->is_held = (flags & FLAG_HELD) != 0;
    phase->rows = (uint16_t)take_uint(cursor, 2);
    phase->columns = (uint16_t)take_uint(cursor, 2);
    bool has_size = phase->rows > 0 && phase->columns > 0, has_none = phase->rows == 0 && phase->columns == 0;
    if ((flags & ~(unsigned)FLAGS_KNOWN) != 0 || !(phase->has_terminal ? has_size : has_none))
        cursor->broken = true;
}

static void take_limits(struct phase *phase, struct cursor *cursor)
{
    phase->wall_ms = (uint32_t)take_uint(cursor, 4);
    phase->cpu_ms = (uint32_t)take_uint(cursor, 4);
    phase->output_bytes = take_uint(cursor, 8);
    phase->open_files = (uint32_t)take_uint(cursor, 4);
    phase->file_bytes = take_uint(cursor, 8);
    phase->stack_bytes = take_uint(cursor, 8);
}

static char **take_strings(struct cursor *cursor, size_t count)
{
    if (count > cursor->left) { /* each string has at least one byte: refuse before allocating */
        cursor->broken = true;
        return NULL;
    }
    char **strings = calloc(count + 1, sizeof *strings);
    for (size_t i = 0; strings != NULL && i < count; i++)
        strings[i] = (char *)take_string(cursor);
    return strings;
}

static bool limits_are_set(const struct phase *phase)
{
    return phase->wall_ms > 0 && phase->cpu_ms > 0 && phase->open_files >= OPEN_FILES_MIN && phase->stack_bytes > 0;
}

const char *phase_decode(struct phase *phase, const struct frame *frame)
{
    unsigned char *copy = malloc(frame->length + 1);
    if (copy == NULL)
        return "no memory for a phase";
    memcpy(copy, frame->payload, frame->length);
    struct cursor cursor = {copy, frame->length, false};
    take_flags(phase, &cursor);
    take_limits(phase, &cursor);
    size_t argc = (size_t)take_uint(&cursor, 2), envc = (size_t)take_uint(&cursor, 2);
    phase->cwd = take_string(&cursor);
    phase->argv = take_strings(&cursor, argc);
    phase->env = take_strings(&cursor, envc);
    if (cursor.broken || cursor.left > 0 || argc == 0)
        return "malformed PHASE";
    if (phase->argv == NULL || phase->env == NULL)
        return "no memory for a phase";
    return limits_are_set(phase) ? NULL : "a limit of a PHASE is zero";
}

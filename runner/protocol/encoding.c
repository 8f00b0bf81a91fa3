#include "protocol/encoding.h"

#include <string.h>

uint64_t take_uint(struct cursor *cursor, size_t bytes)
{
    if (cursor->left < bytes) {
        cursor->broken = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | cursor->at[i];
    cursor->at += bytes;
    cursor->left -= bytes;
    return value;
}

const char *take_string(struct cursor *cursor)
{
    const unsigned char *end = cursor->left ? memchr(cursor->at, 0, cursor->left) : NULL;
    if (end == NULL) {
        cursor->broken = true;
        return NULL;
    }
    const char *string = (const char *)cursor->at;
    cursor->left -= (size_t)(end - cursor->at) + 1;
    cursor->at = end + 1;
    return string;
}

unsigned char *put_uint(unsigned char *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (unsigned char)(value >> 8 * (bytes - 1 - i));
    return to + bytes;
}

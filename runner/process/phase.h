/* A phase of a job: the command and its limits. */
#ifndef RUNNER_PHASE_H
#define RUNNER_PHASE_H

#include "protocol/inbox.h"

struct phase {
    bool gets_stdin;
    bool is_test;           /* starts with restored folders; its failure does not end the job */
    bool is_held;           /* starts at a separate GO */
    bool has_terminal;      /* its standard streams are a terminal */
    uint16_t rows, columns; /* of the terminal */
    uint32_t wall_ms, cpu_ms, open_files;
    uint64_t output_bytes, file_bytes, stack_bytes; /* UINT64_MAX: unlimited */
    const char *cwd;
    char **argv, **env; /* NULL-terminated */
};

/* Decodes a PHASE frame. The strings point into a copy of the payload that is never freed. Returns NULL, or a description
 * of the fault. */
const char *phase_decode(struct phase *phase, const struct frame *frame);

#endif

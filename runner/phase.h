/* One phase of a job as the host described it: what to execute, and within which limits. */
#ifndef RUNNER_PHASE_H
#define RUNNER_PHASE_H

#include "inbox.h"

struct phase {
    bool gets_stdin;
    bool is_test;           /* begins with the folders as the first test found them, and its failure ends nothing */
    bool is_held;           /* begins at a GO of its own */
    bool has_terminal;      /* its standard streams are a terminal */
    uint16_t rows, columns; /* of the terminal */
    uint32_t wall_ms, cpu_ms, open_files;
    uint64_t output_bytes, file_bytes, stack_bytes; /* UINT64_MAX: unlimited */
    const char *cwd;
    char **argv, **env; /* NULL-terminated */
};

/* Fills `phase` from a copy of the payload that lives as long as the runner. Returns NULL, or the fault. */
const char *phase_decode(struct phase *phase, const struct frame *frame);

#endif

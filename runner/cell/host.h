/* The messages between PID 1 of a cell and the host, see "Cells" in PROTOCOL.md. */
#ifndef RUNNER_HOST_H
#define RUNNER_HOST_H

#include "protocol/encoding.h"

#include <stdbool.h>

enum { JOB_BYTES = NONCE_BYTES + 8 + 2 * (8 + 4) };

struct resource_limits {
    uint64_t memory_bytes;
    uint32_t processes; /* those of the runner included */
};

/* The payload of JOB. */
struct job_order {
    unsigned char nonce[NONCE_BYTES];
    uint64_t disk_bytes;
    struct resource_limits initial, program;
};

/* Decodes the payload of JOB. Returns NULL, or a description of the fault: the limits of the program must not be higher than
 * the initial ones, because the job itself triggers the change. */
const char *decode_job(struct job_order *order, const unsigned char *payload, size_t length);

/* Reads exactly one frame from stdin, because the bytes after it are for the runner. Returns NULL, or a description of the
 * fault; *ended is set if the host has closed the connection, or was silent for SILENCE_LIMIT_S. */
const char *read_job(struct job_order *order, bool *ended);

/* Writes to stderr, which no job has: the cell has no trace of a job. */
bool report_clean(unsigned cgroup_version, bool has_job_user_namespaces);

/* Writes to stderr. */
void report_fault(const char *fault, const char *detail);

#endif

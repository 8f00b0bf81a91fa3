/* Files that the host wants back when the job has ended: found by pattern below the working folder, sent one by one. */
#ifndef RUNNER_ARTIFACTS_H
#define RUNNER_ARTIFACTS_H

#include "inbox.h"
#include "outbox.h"

enum { ARTIFACT_PATTERNS_MAX = 16, ARTIFACT_FILES_MAX = 64 };

struct artifact {
    char *path;
    uint64_t bytes;
};

struct artifacts {
    const char *patterns[ARTIFACT_PATTERNS_MAX];
    unsigned pattern_count; /* 0: nothing is wanted */
    unsigned files_max;
    uint64_t bytes_max;

    struct artifact found[ARTIFACT_FILES_MAX + 1]; /* sorted by path; the last is for one too many */
    unsigned found_count, sent_count;
    bool incomplete; /* something that was wanted is left out */
    int root_fd, fd; /* fd: of the one that is being sent; only while left > 0 */
    uint64_t left;
};

/* Takes a COLLECT frame. NULL, or the fault. */
const char *artifacts_decode(struct artifacts *artifacts, const struct frame *frame);

/* Looks for them; only when no process of the job lives. Returns false when there is nothing to send. */
bool artifacts_find(struct artifacts *artifacts, int root_fd);

/* Sends what the outbox takes. Returns true once all is sent; a file that has become shorter is a fault. */
bool artifacts_forward(struct artifacts *artifacts, struct outbox *outbox, const char **fault);

#endif

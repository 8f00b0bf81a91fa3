/* Artifacts: files that match the patterns of the host, sent to it after the last phase. */
#ifndef RUNNER_ARTIFACTS_H
#define RUNNER_ARTIFACTS_H

#include "protocol/inbox.h"
#include "protocol/outbox.h"

enum { ARTIFACT_PATTERNS_MAX = 16, ARTIFACT_FILES_MAX = 255 };

struct artifact {
    char *path;
    uint64_t bytes;
};

struct artifacts {
    const char *patterns[ARTIFACT_PATTERNS_MAX];
    unsigned pattern_count; /* 0: no artifacts are requested */
    unsigned files_max;
    uint64_t bytes_max;

    struct artifact found[ARTIFACT_FILES_MAX + 1]; /* sorted by path; one spare entry for insertion */
    unsigned found_count, sent_count;
    bool incomplete; /* a matching file is not included */
    int root_fd, fd;    /* fd: the file being sent; valid while remaining > 0 */
    uint64_t remaining; /* bytes of that file still to send */
};

/* Decodes a COLLECT frame. Returns NULL, or a description of the fault. */
const char *artifacts_decode(struct artifacts *artifacts, const struct frame *frame);

/* Searches for artifacts. Call it only when no process of the job is left. Returns false if there are none. */
bool artifacts_find(struct artifacts *artifacts, int root_fd);

/* Sends as much as fits into the outbox. Returns true when all is sent. A file that has become shorter is a fault. */
bool artifacts_forward(struct artifacts *artifacts, struct outbox *outbox, const char **fault);

#endif

/* Saves the writable folders before the first test and restores them before each further test. */
#ifndef RUNNER_SNAPSHOT_H
#define RUNNER_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
    SNAPSHOT_FOLDERS_MAX = 4,
    SNAPSHOT_ENTRIES_MAX = 4096,
    SNAPSHOT_DEPTH_MAX = 32,
    SNAPSHOT_BYTES_MAX = 128 * 1024 * 1024,
};

struct snapshot_entry {
    unsigned folder;
    char *path;   /* relative to the folder */
    char *target; /* of a symbolic link; otherwise NULL */
    struct stat status;
    unsigned char *content; /* of a file; NULL if it is empty */
};

struct snapshot {
    int folder_fds[SNAPSHOT_FOLDERS_MAX];
    unsigned folder_count;
    bool removes_ipc;
    bool saved;
    int save_failure;
    off_t stored_bytes;
    struct snapshot_entry *entries; /* a folder precedes its contents */
    size_t entry_count;
};

/* Adds a folder that is open for reading; -1 is ignored. */
void snapshot_add_folder(struct snapshot *snapshot, int folder_fd);

/* The first call saves the folders, later calls restore them. Returns 0 or an errno; EFBIG: the limits above are exceeded.
 * Call it only when no process of the job is left. */
int snapshot_apply(struct snapshot *snapshot);

#endif

/* The writable folders as the first test finds them, and how each further test finds them the same again. */
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
    char *target; /* of a symbolic link; NULL for all else */
    struct stat status;
    off_t offset; /* of a file's bytes in the store */
};

struct snapshot {
    int folder_fds[SNAPSHOT_FOLDERS_MAX];
    unsigned folder_count;
    bool sweeps_ipc;
    bool taken;
    int take_failure;
    int store_fd; /* memory that no program can reach: of all files one after the other */
    off_t stored_bytes;
    struct snapshot_entry *entries; /* a folder before what is in it */
    size_t entry_count;
};

/* A folder to keep, open for reading; -1 is passed over. */
void snapshot_add_folder(struct snapshot *snapshot, int folder_fd);

/* The first time takes the snapshot, later puts everything back to it. Returns 0, or the errno; EFBIG: more than the
 * bounds above. No process of the job may live. */
int snapshot_keep(struct snapshot *snapshot);

#endif

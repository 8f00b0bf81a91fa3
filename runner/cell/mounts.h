/* The file systems of a cell and of its jobs. */
#ifndef RUNNER_MOUNTS_H
#define RUNNER_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

/* Adds the read-only flag to a mount and keeps its other flags. Returns false and sets errno. */
bool make_read_only(const char *path);

/* In the mount namespace of the cell: /etc/hosts gets the entries of localhost. /dev becomes read-only, because times of the
 * devices in it would show the next job that they were written to. Returns NULL, or the path that failed with errno. */
const char *prepare_cell_mounts(void);

/* In the mount namespace of a job: mounts new file systems at /tmp, /dev/shm, /dev/pts, /dev/mqueue and /proc, and covers in
 * /proc the `masked` paths (a list that ends with NULL). Returns NULL, or the path that failed with errno. */
const char *mount_shared_folders(char *const *masked);

/* In the mount namespace of a job: mounts a new file system at /work. Returns NULL, or the path that failed with errno. */
const char *mount_working_folder(uint64_t disk_bytes);

/* In the mount and network namespace of a job, after /proc was mounted: enables the loopback interface and sets the
 * sysctls that the engine sets for a container. Returns NULL, or the path that failed with errno. */
const char *set_up_network(void);

/* After all else in /proc: makes the paths read-only that the engine makes read-only in a container. */
const char *protect_proc(void);

#endif

/* Removes files and IPC objects of a test. Call it only when no process of the job is left. */
#ifndef RUNNER_CLEANUP_H
#define RUNNER_CLEANUP_H

/* Removes the contents of a folder, independent of depth and modes. Returns 0 or an errno. */
int empty_folder(int folder_fd);

/* Removes the System V message queues, semaphores and shared memory of the IPC namespace. */
void remove_ipc(void);

#endif

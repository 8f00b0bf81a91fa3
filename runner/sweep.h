/* Takes away what a test left behind. Only called when no process of the job lives, so that nothing moves meanwhile. */
#ifndef RUNNER_SWEEP_H
#define RUNNER_SWEEP_H

/* Removes everything inside the folder, whatever its depth and its modes. Returns 0, or the errno. */
int sweep_folder(int folder_fd);

/* Removes the System V queues, semaphores and shared memory of this IPC namespace. */
void sweep_ipc(void);

#endif

/* Writes the job's files below the working folder before the first phase. */
#ifndef RUNNER_FILES_H
#define RUNNER_FILES_H

#include "protocol/inbox.h"

struct file_writer {
    int root_fd;
    int fd; /* -1: no file is open */
};

/* The functions return NULL, or a description of the fault. */
const char *files_open(struct file_writer *writer, const struct frame *frame);
const char *files_append(struct file_writer *writer, const struct frame *frame);
void files_close(struct file_writer *writer);

/* Returns whether a path is relative, with at most 8 components of 1 to 255 bytes, none of them "." or "..". */
bool path_is_safe(const char *path);

#endif

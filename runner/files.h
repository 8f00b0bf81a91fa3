/* The job's files, written below the working folder before anything of the job runs. */
#ifndef RUNNER_FILES_H
#define RUNNER_FILES_H

#include "inbox.h"

struct file_writer {
    int root_fd;
    int fd; /* -1: no file is open */
};

/* Every function returns NULL, or the fault in a few words. */
const char *files_open(struct file_writer *writer, const struct frame *frame);
const char *files_append(struct file_writer *writer, const struct frame *frame);
void files_close(struct file_writer *writer);

/* Relative, at most 8 components of 1 to 255 bytes, none of them "." or "..". */
bool path_is_safe(const char *path);

#endif

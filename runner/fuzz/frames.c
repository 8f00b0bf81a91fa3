/* Fuzz target: passes arbitrary bytes through the parser of the runner, in chunks as a pipe would deliver them. No file is
 * written and no process is started.
 *
 * Linked with --wrap for read, kill and files_open, which have external effects, and for malloc and calloc, because the
 * runner runs one job and never frees memory. */
#include "job.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__real_files_open(struct file_writer *writer, const struct frame *frame);
const char *__wrap_files_open(struct file_writer *writer, const struct frame *frame);
ssize_t __wrap_read(int fd, void *to, size_t room);
int __wrap_kill(pid_t pid, int number);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);

enum { BLOCKS_MAX = 3 * PHASES_MAX + 1 };

static struct job job;
static const uint8_t *input;
static size_t remaining;
static void *blocks[BLOCKS_MAX];
static size_t block_count;

static void *record_block(void *block)
{
    if (block_count == BLOCKS_MAX)
        abort(); /* unbounded allocation */
    blocks[block_count++] = block;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return record_block(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return record_block(__real_calloc(count, size));
}

int __wrap_kill(pid_t pid, int number)
{
    (void)pid, (void)number;
    return 0;
}

/* The input determines the size of each chunk. */
ssize_t __wrap_read(int fd, void *to, size_t room)
{
    (void)fd;
    size_t chunk = remaining > 0 && input[0] % 4 == 0 ? input[0] + 1u : remaining;
    chunk = chunk < remaining ? chunk : remaining;
    chunk = chunk < room ? chunk : room;
    memcpy(to, input, chunk);
    input += chunk;
    remaining -= chunk;
    return (ssize_t)chunk;
}

/* Only the checks of mode and path run: there is no folder to write to. */
const char *__wrap_files_open(struct file_writer *writer, const struct frame *frame)
{
    const char *fault = __real_files_open(writer, frame);
    return fault != NULL && strcmp(fault, "cannot create a file") == 0 ? NULL : fault;
}

void phase_start(struct job *started)
{
    started->state = RUNNING;
}

void phase_stop(struct job *stopped, enum reason reason)
{
    stopped->reason = reason;
}

void job_end(struct job *ended)
{
    ended->state = EXITING;
}

static void reset_job(void)
{
    memset(&job, 0, sizeof job);
    job.child = NO_CHILD;
    job.limits_fd = -1;
    job.files.fd = job.files.root_fd = job.artifacts.fd = -1;
}

static void free_blocks(void)
{
    while (block_count > 0)
        free(blocks[--block_count]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame frame;
    const char *fault = NULL;
    reset_job();
    input = data;
    remaining = size;
    while (fault == NULL && remaining > 0) {
        if (!inbox_read(&job.inbox, -1))
            break;
        while (fault == NULL && inbox_next(&job.inbox, &frame, &fault))
            fault = handle_command(&job, &frame);
    }
    free_blocks();
    return 0;
}

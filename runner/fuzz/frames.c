/* Fuzz target: whatever a host may say goes through the real parser, in portions as a pipe would give them. Nothing is
 * written and nothing is run: of the files only the frames are looked at, and a phase is over as soon as it begins.
 *
 * Linked with --wrap for what reaches outside: read, kill, files_open; and for malloc and calloc, since the runner, which
 * serves one job and exits, gives nothing back. */
#include "../job.h"

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
static const uint8_t *unread;
static size_t left;
static void *blocks[BLOCKS_MAX];
static size_t block_count;

static void *noted(void *block)
{
    if (block_count == BLOCKS_MAX)
        abort(); /* a frame allocates without a bound */
    blocks[block_count++] = block;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return noted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return noted(__real_calloc(count, size));
}

int __wrap_kill(pid_t pid, int number)
{
    (void)pid, (void)number;
    return 0;
}

/* The size of each portion comes from the bytes themselves. */
ssize_t __wrap_read(int fd, void *to, size_t room)
{
    (void)fd;
    size_t portion = left > 0 && unread[0] % 4 == 0 ? unread[0] + 1u : left;
    portion = portion < left ? portion : left;
    portion = portion < room ? portion : room;
    memcpy(to, unread, portion);
    unread += portion;
    left -= portion;
    return (ssize_t)portion;
}

/* There is no folder to write to: what is left is the check of mode and path. */
const char *__wrap_files_open(struct file_writer *writer, const struct frame *frame)
{
    const char *fault = __real_files_open(writer, frame);
    return fault != NULL && strcmp(fault, "cannot create a file") == 0 ? NULL : fault;
}

void phase_begin(struct job *begun)
{
    begun->state = RUNNING;
}

void phase_stop(struct job *stopped, enum reason reason)
{
    stopped->reason = reason;
}

void job_leave(struct job *left_job)
{
    left_job->state = LEAVING;
}

static void begin_job(void)
{
    memset(&job, 0, sizeof job);
    job.child = NO_CHILD;
    job.files.fd = job.files.root_fd = job.artifacts.fd = -1;
}

static void give_back(void)
{
    while (block_count > 0)
        free(blocks[--block_count]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame frame;
    const char *fault = NULL;
    begin_job();
    unread = data;
    left = size;
    while (fault == NULL && left > 0) {
        if (!inbox_read(&job.inbox, -1))
            break;
        while (fault == NULL && inbox_next(&job.inbox, &frame, &fault))
            fault = host_handle(&job, &frame);
    }
    give_back();
    return 0;
}

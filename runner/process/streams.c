#include "process/streams.h"

#include "close_fd.h"
#include "process/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_END, WRITE_END };

static int open_pipes(struct streams *streams)
{
    for (int i = 0; i < STANDARD_STREAMS; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return errno;
        streams->program_ends[i] = ends[i == STDIN_FILENO ? READ_END : WRITE_END];
        streams->runner_ends[i] = ends[i == STDIN_FILENO ? WRITE_END : READ_END];
        fcntl(streams->runner_ends[i], F_SETFL, O_NONBLOCK); /* affects only the runner's end: each end has its own file description */
    }
    return 0;
}

/* The runner has separate descriptors for reading and writing, so that each can be closed independently. */
static int open_terminal(struct streams *streams, const struct phase *phase)
{
    int failure = terminal_open(&streams->runner_ends[STDOUT_FILENO], &streams->program_ends[STDIN_FILENO], phase);
    if (failure != 0)
        return failure;
    streams->runner_ends[STDIN_FILENO] = fcntl(streams->runner_ends[STDOUT_FILENO], F_DUPFD_CLOEXEC, 3);
    for (int i = STDOUT_FILENO; i < STANDARD_STREAMS; i++)
        streams->program_ends[i] = fcntl(streams->program_ends[STDIN_FILENO], F_DUPFD_CLOEXEC, 3);
    bool complete = streams->runner_ends[STDIN_FILENO] >= 0 && streams->program_ends[STDOUT_FILENO] >= 0 &&
                    streams->program_ends[STDERR_FILENO] >= 0;
    return complete ? 0 : errno;
}

int streams_open(struct streams *streams, const struct phase *phase)
{
    *streams = (struct streams){{-1, -1, -1}, {-1, -1, -1}};
    int failure = phase->has_terminal ? open_terminal(streams, phase) : open_pipes(streams);
    if (failure != 0) {
        streams_close(streams->program_ends);
        streams_close(streams->runner_ends);
    }
    return failure;
}

void streams_watch(const struct streams *streams, int epoll_fd)
{
    for (int i = STDOUT_FILENO; i < STANDARD_STREAMS; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        if (streams->runner_ends[i] >= 0)
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, streams->runner_ends[i], &event);
    }
}

bool streams_adopt(const struct streams *streams, const struct phase *phase)
{
    if (phase->has_terminal && !terminal_control(streams->program_ends[STDIN_FILENO]))
        return false;
    for (int i = 0; i < STANDARD_STREAMS; i++)
        if (dup2(streams->program_ends[i], i) < 0)
            return false;
    return true;
}

void streams_close(int ends[STANDARD_STREAMS])
{
    for (int i = 0; i < STANDARD_STREAMS; i++)
        close_fd(&ends[i]);
}

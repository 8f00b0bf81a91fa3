#include "job.h"

#include "close_fd.h"
#include "runner.h"
#include "usage/monotonic.h"

#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { FROM_HOST, TO_HOST, SIGNALS, STDIN, OUTPUT, SOCKETS, TERMINALS, WATCHED };

enum { EXIT_DONE = 0, EXIT_FAULT = 1, EXIT_HOST_GONE = 2 };

enum { FAULT_FLUSH_MS = 1000, ACK_BYTES = STDIN_WINDOW_BYTES / 4 };

/* An engine that loses the connection of a killed host without closing stdin would keep the container for ever. The pool
 * replaces idle containers earlier: see app/sandbox/container.py. */
static const uint64_t SILENCE_LIMIT_NS = (uint64_t)SILENCE_LIMIT_S * NS_PER_S;

/* Ends the runner because the host closed the connection. When PID 1 exits, the kernel kills all processes of the namespace. */
static _Noreturn void abandon(const struct job *job)
{
    kill_everything(job);
    _exit(EXIT_HOST_GONE);
}

static _Noreturn void fail(struct job *job, const char *fault)
{
    struct pollfd host = {STDOUT_FILENO, POLLOUT, 0};
    kill_everything(job);
    outbox_put(&job->outbox, FRAME_FAULT, fault, strlen(fault), SEND_AT_ONCE);
    for (int rounds = 0; rounds < 64 && !outbox_is_empty(&job->outbox); rounds++)
        if (poll(&host, 1, FAULT_FLUSH_MS) <= 0 || !outbox_flush(&job->outbox, STDOUT_FILENO))
            break;
    _exit(EXIT_FAULT);
}

static void read_commands(struct job *job)
{
    struct frame frame;
    const char *fault = NULL;
    if (!inbox_read(&job->inbox, STDIN_FILENO))
        abandon(job);
    while (fault == NULL && inbox_next(&job->inbox, &frame, &fault))
        fault = handle_command(job, &frame);
    if (fault != NULL)
        fail(job, fault);
}

static bool has_open_stdin(const struct job *job)
{
    return job->phases[job->current].gets_stdin && stdin_ring_is_open(&job->stdin_ring);
}

/* STARTED and output may be sent a few milliseconds later. Then most short programs end, and the host receives everything in
 * one message. Not on a terminal, nor while more stdin can follow: the host may wait for the output before it sends more. */
static bool must_send(const struct job *job)
{
    bool may_delay = !job->phases[job->current].has_terminal && !has_open_stdin(job);
    return outbox_is_due(&job->outbox, monotonic_ns()) || (!may_delay && !outbox_is_empty(&job->outbox));
}

/* Acknowledgements are accumulated while the host does not read, so that they do not use up the reserve of the outbox. They
 * are also accumulated while the host has sent all stdin of the phase, and has room for that of later ones. */
static bool is_ack_due(const struct job *job)
{
    bool is_needed = has_open_stdin(job) || job->stdin_ring.ack_due >= ACK_BYTES || must_send(job);
    bool done_sent = job->state == EXITING;
    return job->stdin_ring.ack_due > 0 && is_needed && !done_sent && outbox_output_room(&job->outbox) > 0;
}

static void acknowledge_stdin(struct job *job)
{
    unsigned char count[4];
    put_uint(count, job->stdin_ring.ack_due, sizeof count);
    outbox_put(&job->outbox, FRAME_STDIN_ACK, count, sizeof count, SEND_AT_ONCE);
    job->stdin_ring.ack_due = 0;
}

static void write_to_host(struct job *job)
{
    if (is_ack_due(job))
        acknowledge_stdin(job);
    if (must_send(job) && !outbox_flush(&job->outbox, STDOUT_FILENO))
        abandon(job);
}

/* Returns whether only the host can continue the job. Otherwise its processes run, within their own limits. */
static bool waits_for_host(const struct job *job)
{
    return job->state != RUNNING && job->state != KILLING;
}

/* Ends the runner if it waits for a host that is silent. */
static void check_silence(struct job *job, const struct pollfd watched[WATCHED])
{
    uint64_t now_ns = monotonic_ns();
    if (watched[FROM_HOST].revents || watched[TO_HOST].revents || !waits_for_host(job))
        job->contact_ns = now_ns;
    else if (now_ns - job->contact_ns >= SILENCE_LIMIT_NS)
        abandon(job);
}

static uint64_t next_check_ns(const struct job *job)
{
    uint64_t next_ns = waits_for_host(job) ? job->contact_ns + SILENCE_LIMIT_NS : watch_next_check_ns(job);
    bool is_delayed = !outbox_is_empty(&job->outbox) && job->outbox.due_ns != SEND_AT_ONCE;
    return is_delayed && job->outbox.due_ns < next_ns ? job->outbox.due_ns : next_ns;
}

/* Performs state transitions that need no event. Returns NULL, or a description of the fault. */
static const char *advance(struct job *job)
{
    const char *fault = NULL;
    if (job->state == KILLING && job->main_reaped && job->all_reaped)
        job->state = DRAINING;
    if (job->state == DRAINING) {
        output_forward_ready(job);
        output_forward(job, STREAM_STDOUT);
        output_forward(job, STREAM_STDERR);
        if (job->child.stdout_fd < 0 && job->child.stderr_fd < 0)
            phase_finish(job);
    }
    if (job->state == COLLECTING && artifacts_forward(&job->artifacts, &job->outbox, &fault))
        job_end(job);
    return fault;
}

static bool stdin_is_due(const struct job *job)
{
    return job->state == RUNNING && job->child.stdin_fd >= 0 && job->phases[job->current].gets_stdin &&
           stdin_ring_is_due(&job->stdin_ring);
}

/* Backpressure: while the outbox is full, the pipes of the program are not read. */
static void choose_events(const struct job *job, struct pollfd watched[WATCHED])
{
    bool reads = job->state == RUNNING && outbox_output_room(&job->outbox) > 0;
    short to_host = must_send(job) ? POLLOUT : 0; /* with 0, poll still reports POLLERR */
    watched[FROM_HOST] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    watched[TO_HOST] = (struct pollfd){STDOUT_FILENO, to_host, 0};
    watched[SIGNALS] = (struct pollfd){job->signal_fd, POLLIN, 0};
    watched[STDIN] = (struct pollfd){stdin_is_due(job) ? job->child.stdin_fd : -1, POLLOUT, 0};
    watched[OUTPUT] = (struct pollfd){reads ? job->output_epoll_fd : -1, POLLIN, 0};
    watched[SOCKETS] = (struct pollfd){job->state == RUNNING ? job->child.notify_fd : -1, POLLIN, 0};
    watched[TERMINALS] = (struct pollfd){job->state == RUNNING ? job->terminal_quota.fd : -1, POLLIN, 0};
}

static void wait_for_events(const struct job *job, struct pollfd watched[WATCHED])
{
    bool has_output = job->state == DRAINING || job->state == COLLECTING;
    bool busy = job->more_to_reap || (has_output && outbox_output_room(&job->outbox) > 0);
    uint64_t now_ns = monotonic_ns(), at_ns = busy ? now_ns : next_check_ns(job);
    uint64_t wait_ns = at_ns > now_ns ? at_ns - now_ns : 0;
    struct timespec wait = {(time_t)(wait_ns / NS_PER_S), (long)(wait_ns % NS_PER_S)};
    if (ppoll(watched, WATCHED, &wait, NULL) < 0)
        for (int i = 0; i < WATCHED; i++)
            watched[i].revents = 0;
}

/* Reads once: a program that floods PID 1 with SIGCHLD must not block the loop. */
static void read_signal_fd(int fd)
{
    struct signalfd_siginfo infos[8];
    if (read(fd, infos, sizeof infos) < 0)
        return; /* spurious wake-up */
}

static void handle_events(struct job *job, const struct pollfd watched[WATCHED])
{
    if (watched[TO_HOST].revents & (POLLERR | POLLNVAL))
        abandon(job);
    if (watched[FROM_HOST].revents)
        read_commands(job);
    if (watched[OUTPUT].revents)
        output_forward_ready(job);
    if (watched[STDIN].revents && job->child.stdin_fd >= 0)
        stdin_ring_write(&job->stdin_ring, &job->child.stdin_fd, job->child.terminal_fd);
    if (watched[SOCKETS].revents & POLLIN)
        socket_quota_decide(&job->socket_quota, job->child.notify_fd);
    else if (watched[SOCKETS].revents) /* all processes exit. That can take a while, in which poll must not return at once. */
        close_fd(&job->child.notify_fd);
    if (watched[TERMINALS].revents && !terminal_quota_check(&job->terminal_quota))
        phase_stop(job, REASON_NONE); /* the outcome is SIGKILL */
    if (watched[SIGNALS].revents)
        read_signal_fd(job->signal_fd);
    if (watched[SIGNALS].revents || job->more_to_reap)
        reap_children(job);
}

int run_event_loop(struct job *job)
{
    struct pollfd watched[WATCHED];
    job->contact_ns = monotonic_ns();
    for (;;) {
        write_to_host(job);
        if (job->state == EXITING && outbox_is_empty(&job->outbox))
            return EXIT_DONE;
        choose_events(job, watched);
        wait_for_events(job, watched);
        check_silence(job, watched);
        handle_events(job, watched);
        const char *fault = watch_limits(job);
        if (fault == NULL)
            fault = advance(job);
        if (fault != NULL)
            fail(job, fault);
    }
}

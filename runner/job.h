/* The state of the runner: one job, from the first FILE to DONE. */
#ifndef RUNNER_JOB_H
#define RUNNER_JOB_H

#include "files/artifacts.h"
#include "process/child.h"
#include "files/job_files.h"
#include "protocol/inbox.h"
#include "protocol/outbox.h"
#include "process/phase.h"
#include "process/socket_quota.h"
#include "process/terminal_quota.h"
#include "files/snapshot.h"
#include "protocol/stdin_ring.h"
#include "usage/usage.h"

enum job_state {
    RECEIVING,  /* idle, or receiving files and phases */
    RUNNING,    /* the main process of a phase runs */
    KILLING,    /* all processes were killed and are being reaped */
    DRAINING,   /* no process is left; the rest of the output is forwarded */
    HOLDING,    /* the next phase waits for its GO */
    COLLECTING, /* the artifacts are sent */
    EXITING,    /* DONE is being written, then the runner exits */
};

enum ending { EXITED, SIGNALLED, NOT_STARTED };

enum reason { REASON_NONE, REASON_WALL_TIME, REASON_CPU_TIME, REASON_OUTPUT, REASON_CANCELLED };

enum stream { STREAM_STDOUT, STREAM_STDERR, STREAMS };

struct job {
    enum job_state state;
    bool contained; /* the runner is PID 1: all other processes belong to the job */
    int limits_fd;  /* in a cell: asks PID 1 of the cell for the limits of the program; otherwise -1 */
    int signal_fd;
    int output_epoll_fd; /* reports stdout and stderr in the order in which they became readable */
    unsigned cpu_count;
    struct phase phases[PHASES_MAX];
    unsigned phase_count, current, ended_count;

    struct child child; /* of the current phase */
    struct usage usage;
    uint64_t next_check_ns, kill_deadline_ns;
    uint64_t contact_ns; /* last time when the host sent or received something, or when a process of the job ran */
    bool main_reaped, all_reaped, more_to_reap;
    enum ending ending;
    uint32_t ending_value; /* exit code, signal or errno */
    enum reason reason;
    uint64_t produced_bytes[STREAMS];
    bool truncated[STREAMS];

    struct cgroup cgroup;
    struct socket_quota socket_quota;
    struct terminal_quota terminal_quota;
    struct file_writer files;
    struct snapshot snapshot;
    struct artifacts artifacts;
    struct inbox inbox;
    struct outbox outbox;
    struct stdin_ring stdin_ring;
};

/* commands.c: handles a frame of the host. Returns NULL, or a description of the fault. */
const char *handle_command(struct job *job, const struct frame *frame);

/* stop.c: kills the processes of a phase. */
void phase_stop(struct job *job, enum reason reason);
void kill_everything(const struct job *job);

/* phases.c: starts and finishes phases. */
void phase_start(struct job *job);
void phase_finish(struct job *job);
const char *phase_abandon(struct job *job); /* returns NULL, or a description of the fault */
void job_end(struct job *job);

/* reap.c: reaps a bounded number of processes and detects the end of the main process and of all processes. */
void reap_children(struct job *job);

/* output.c: forwards output to the host, from all readable streams in the order in which they became readable, or from
 * one stream. */
void output_forward_ready(struct job *job);
void output_forward(struct job *job, enum stream stream);
void output_close(struct job *job);

/* limits_watch.c: enforces wall time and CPU time. Returns NULL, or a description of the fault; and the time of the
 * next check in the states RUNNING and KILLING. */
const char *watch_limits(struct job *job);
uint64_t watch_next_check_ns(const struct job *job);

/* report.c: sends ACCEPTED (in a cell, with its nonce; otherwise NULL), READY, STARTED, PHASE_END and DONE. */
void report_ready(struct job *job, const unsigned char *nonce);
void report_started(struct job *job);
void report_phase_end(struct job *job);
void report_done(struct job *job);

/* event_loop.c: runs one job. Returns the exit status. */
int run_event_loop(struct job *job);

#endif

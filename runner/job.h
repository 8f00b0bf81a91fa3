/* The whole of the runner's state: one job, from the first FILE to DONE. */
#ifndef RUNNER_JOB_H
#define RUNNER_JOB_H

#include "artifacts.h"
#include "child.h"
#include "files.h"
#include "inbox.h"
#include "outbox.h"
#include "phase.h"
#include "snapshot.h"
#include "stdin_ring.h"
#include "usage.h"

enum job_state {
    COLLECTING, /* idle, or taking files and phases */
    RUNNING,    /* the main process of a phase lives */
    KILLING,    /* everything was killed; waiting until it is reaped */
    DRAINING,   /* nothing lives; what the pipes still hold goes to the host */
    HOLDING,    /* the next phase waits for its GO */
    GATHERING,  /* the artifacts go to the host */
    LEAVING,    /* DONE waits to be written, then the runner exits */
};

enum ending { EXITED, SIGNALLED, NOT_STARTED };

enum reason { REASON_NONE, REASON_WALL_TIME, REASON_CPU_TIME, REASON_OUTPUT, REASON_CANCELLED };

enum stream { STREAM_STDOUT, STREAM_STDERR, STREAMS };

struct job {
    enum job_state state;
    bool contained; /* we are PID 1: everything else is the job's */
    int signal_fd;
    int output_epoll_fd; /* tells which of stdout and stderr had something first */
    unsigned cpu_count;
    struct phase phases[PHASES_MAX];
    unsigned phase_count, current, ended_count;

    struct child child; /* of the current phase */
    struct usage usage;
    uint64_t next_watch_ns, kill_deadline_ns;
    bool main_reaped, all_reaped, more_to_reap;
    enum ending ending;
    uint32_t ending_value; /* exit code, signal or errno */
    enum reason reason;
    uint64_t produced_bytes[STREAMS];
    bool truncated[STREAMS];

    struct cgroup cgroup;
    struct file_writer files;
    struct snapshot snapshot;
    struct artifacts artifacts;
    struct inbox inbox;
    struct outbox outbox;
    struct stdin_ring stdin_ring;
};

/* host.c: what the host asks for. NULL, or the fault. */
const char *host_handle(struct job *job, const struct frame *frame);

/* stop.c: kills the processes of a phase. */
void phase_stop(struct job *job, enum reason reason);
void kill_everything(const struct job *job);

/* lifecycle.c: how a phase starts and ends. */
void phase_begin(struct job *job);
void phase_finish(struct job *job);
void job_leave(struct job *job);

/* reap.c: takes a bounded number of ended processes, and notices when the main one or all have ended. */
void reap_children(struct job *job);

/* output.c: moves what the streams hold towards the host: of those that hold something, in the order in which they came
 * to; or of one. */
void output_forward_ready(struct job *job);
void output_forward(struct job *job, enum stream stream);
void output_close(struct job *job);

/* watch.c: stops a phase at its wall and CPU time. NULL, or the fault; and when to look again. */
#define WATCH_NEVER UINT64_MAX
const char *watch_limits(struct job *job);
uint64_t watch_wake_at_ns(const struct job *job);

/* report.c: the frames that tell of it. */
void report_started(struct job *job);
void report_phase_end(struct job *job);
void report_done(struct job *job);

/* loop.c: serves one job. Returns the exit status. */
int job_serve(struct job *job);

#endif

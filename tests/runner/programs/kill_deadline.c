/* A phase whose processes do not exit within the kill deadline. Prints the types of the frames that are sent. */
#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct job job;

int main(int argc, char **argv)
{
    bool main_reaped = argc > 1 && strcmp(argv[1], "reaped") == 0;
    job.phase_count = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    job.child = NO_CHILD;
    job.signal_fd = job.files.fd = job.files.root_fd = -1;
    job.cpu_count = 1;
    cgroup_open(&job.cgroup, NULL);
    usage_start(&job.usage, &job.cgroup);
    for (unsigned i = 0; i < job.phase_count; i++)
        job.phases[i].wall_ms = job.phases[i].cpu_ms = 1000000;
    job.state = KILLING;
    job.reason = main_reaped ? REASON_NONE : REASON_WALL_TIME;
    job.main_reaped = main_reaped;
    job.kill_deadline_ns = 1;
    const char *fault = watch_limits(&job);
    for (size_t at = job.outbox.head; at < job.outbox.tail;) {
        size_t length = (size_t)job.outbox.bytes[at + 3] << 8 | job.outbox.bytes[at + 4];
        printf("%02x ", job.outbox.bytes[at]);
        if (job.outbox.bytes[at] == FRAME_PHASE_END)
            printf("(ending %d, reason %d) ", job.outbox.bytes[at + 6], job.outbox.bytes[at + 7]);
        at += FRAME_HEADER_BYTES + length;
    }
    printf("%s\n", fault == NULL ? "no fault" : fault);
    return 0;
}

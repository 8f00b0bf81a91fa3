/* The seccomp filter of a job: the same rules as the profile of a container (app/sandbox/seccomp.py).
 *
 * The engine compiles a profile to a list of comparisons. This one is a binary tree, for which the kernel builds its cache of
 * allowed calls fifteen times as fast; it does so for each job. */
#ifndef RUNNER_STRICT_FILTER_H
#define RUNNER_STRICT_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

enum { STRICT_FILTER_MAX = BPF_MAXINSNS };

struct strict_filter {
    struct sock_filter code[STRICT_FILTER_MAX];
    unsigned short length;
};

/* Compiles the rules. Returns false if the program would be too long. */
bool compile_strict_filter(struct strict_filter *filter);

/* Installs the filter in this process and its descendants. Returns false and sets errno. */
bool install_strict_filter(const struct strict_filter *filter);

#endif

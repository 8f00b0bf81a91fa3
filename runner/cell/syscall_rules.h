/* The rules of the profile in app/sandbox/seccomp.py, in C. cell/syscall_rules.inc is generated; see CONTRIBUTING.md. */
#ifndef RUNNER_SYSCALL_RULES_H
#define RUNNER_SYSCALL_RULES_H

#include <stddef.h>
#include <stdint.h>

enum { COMPARISONS_MAX = 3 };

/* True if the argument `index` and `mask` give `value`. */
struct comparison {
    unsigned index;
    uint64_t mask, value;
};

/* True if all comparisons are. */
struct alternative {
    size_t count;
    struct comparison comparisons[COMPARISONS_MAX];
};

/* Allows a system call if one of the alternatives is true, or always if there is none. */
struct syscall_rule {
    unsigned number;
    int failure; /* if not 0, the call fails with this errno */
    size_t alternative_count;
    const struct alternative *alternatives;
};

extern const struct syscall_rule syscall_rules[];
extern const size_t syscall_rule_count;

#endif

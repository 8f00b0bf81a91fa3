#include "cell/strict_filter.h"

#include "cell/syscall_rules.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

enum { X32_CALLS = 0x40000000, FIELD_NR = offsetof(struct seccomp_data, nr) };

/* System calls with consecutive numbers and the same rule. */
struct range {
    unsigned first;
    const struct syscall_rule *rule; /* NULL: denied */
};

enum { RANGES_MAX = 1024 };

struct compiler {
    struct strict_filter *filter;
    struct range ranges[RANGES_MAX];
    size_t range_count;
    bool overflow;
};

static size_t emit(struct compiler *compiler, struct sock_filter instruction)
{
    struct strict_filter *filter = compiler->filter;
    if (filter->length == STRICT_FILTER_MAX) {
        compiler->overflow = true;
        return 0;
    }
    filter->code[filter->length] = instruction;
    return filter->length++;
}

static void emit_load(struct compiler *compiler, size_t offset)
{
    emit(compiler, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void emit_return(struct compiler *compiler, unsigned action)
{
    emit(compiler, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Emits a jump whose target is set later: only an unconditional jump reaches further than 255 instructions. */
static size_t emit_jump(struct compiler *compiler)
{
    return emit(compiler, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
}

static void set_target(struct compiler *compiler, size_t jump)
{
    compiler->filter->code[jump].k = (unsigned)(compiler->filter->length - jump - 1);
}

/* Skips the next instruction if the accumulator equals `value`. */
static void emit_skip_if_equal(struct compiler *compiler, unsigned value)
{
    emit(compiler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
}

static void emit_denial(struct compiler *compiler)
{
    emit_return(compiler, SECCOMP_RET_ERRNO | EPERM);
}

/* Loads the high half of an argument, if the mask covers it, and denies unless it equals `value`. */
static void emit_high_half(struct compiler *compiler, const struct comparison *comparison)
{
    unsigned mask = (unsigned)(comparison->mask >> 32);
    if (mask == 0)
        return;
    emit_load(compiler, offsetof(struct seccomp_data, args) + comparison->index * sizeof(uint64_t) + sizeof(uint32_t));
    if (mask != UINT32_MAX)
        emit(compiler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    emit_skip_if_equal(compiler, (unsigned)(comparison->value >> 32));
    emit_denial(compiler);
}

static void emit_low_half(struct compiler *compiler, const struct comparison *comparison)
{
    unsigned mask = (unsigned)comparison->mask;
    emit_load(compiler, offsetof(struct seccomp_data, args) + comparison->index * sizeof(uint64_t));
    if (mask != UINT32_MAX)
        emit(compiler, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
}

/* The rules of one system call are sorted by their comparisons. At each depth, all compare the same argument with the same
 * mask, and their values have the same high half; the test of the rules checks this. The accumulator keeps the argument
 * along the comparisons of one depth, because a block that is entered always returns. */
static void emit_alternatives(struct compiler *compiler, const struct alternative *first, size_t count, size_t depth)
{
    const struct comparison *common = &first->comparisons[depth];
    emit_high_half(compiler, common);
    emit_low_half(compiler, common);
    for (size_t i = 0; i < count;) {
        const struct alternative *group = &first[i];
        size_t size = 1;
        while (i + size < count && group[size].comparisons[depth].value == group->comparisons[depth].value)
            size++;
        emit_skip_if_equal(compiler, (unsigned)group->comparisons[depth].value);
        size_t next = emit_jump(compiler);
        if (group->count == depth + 1)
            emit_return(compiler, SECCOMP_RET_ALLOW);
        else
            emit_alternatives(compiler, group, size, depth + 1);
        set_target(compiler, next);
        i += size;
    }
    emit_denial(compiler);
}

static void emit_rule(struct compiler *compiler, const struct syscall_rule *rule)
{
    if (rule == NULL)
        emit_denial(compiler);
    else if (rule->failure != 0)
        emit_return(compiler, SECCOMP_RET_ERRNO | (unsigned)rule->failure);
    else if (rule->alternative_count == 0)
        emit_return(compiler, SECCOMP_RET_ALLOW);
    else
        emit_alternatives(compiler, rule->alternatives, rule->alternative_count, 0);
}

/* Emits a binary tree over the ranges: the left branch follows the comparison. */
static void emit_tree(struct compiler *compiler, size_t first, size_t count)
{
    if (count == 1) {
        emit_rule(compiler, compiler->ranges[first].rule);
        return;
    }
    size_t left = count / 2;
    unsigned boundary = compiler->ranges[first + left].first;
    emit(compiler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, boundary, 0, 1));
    size_t right = emit_jump(compiler);
    emit_tree(compiler, first, left);
    set_target(compiler, right);
    emit_tree(compiler, first + left, count - left);
}

static void add_range(struct compiler *compiler, unsigned first, const struct syscall_rule *rule)
{
    if (compiler->range_count == RANGES_MAX) {
        compiler->overflow = true;
        return;
    }
    compiler->ranges[compiler->range_count++] = (struct range){first, rule};
}

static bool is_plain(const struct syscall_rule *rule)
{
    return rule->failure == 0 && rule->alternative_count == 0;
}

static int compare_rules(const void *left, const void *right)
{
    const struct syscall_rule *const *a = left, *const *b = right;
    return ((*a)->number > (*b)->number) - ((*a)->number < (*b)->number);
}

/* Returns the number after the highest one that has a rule. */
static unsigned collect_ranges(struct compiler *compiler)
{
    static const struct syscall_rule *sorted[RANGES_MAX];
    size_t count = 0;
    for (; count < syscall_rule_count && count < RANGES_MAX; count++)
        sorted[count] = &syscall_rules[count];
    qsort(sorted, count, sizeof *sorted, compare_rules);
    unsigned next = 0;
    const struct syscall_rule *previous = NULL;
    for (size_t i = 0; i < count; i++) {
        if (sorted[i]->number > next || (i == 0 && sorted[i]->number > 0))
            add_range(compiler, next, NULL);
        bool continues = previous != NULL && sorted[i]->number == next && is_plain(previous) && is_plain(sorted[i]);
        if (!continues)
            add_range(compiler, sorted[i]->number, sorted[i]);
        previous = sorted[i];
        next = sorted[i]->number + 1;
    }
    return next;
}

bool compile_strict_filter(struct strict_filter *filter)
{
    static struct compiler compiler;
    compiler = (struct compiler){.filter = filter};
    filter->length = 0;
    unsigned end = collect_ranges(&compiler);
    emit_load(&compiler, offsetof(struct seccomp_data, arch));
    emit_skip_if_equal(&compiler, NATIVE_ARCH);
    emit_return(&compiler, SECCOMP_RET_KILL_PROCESS);
    emit_load(&compiler, FIELD_NR);
    emit(&compiler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, 0, 1));
    emit_return(&compiler, SECCOMP_RET_KILL_PROCESS);
    /* Newer calls than the profile knows: C libraries use an older call on ENOSYS, but not on EPERM. runc does the same. */
    emit(&compiler, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, end, 0, 1));
    emit_return(&compiler, SECCOMP_RET_ERRNO | ENOSYS);
    emit_tree(&compiler, 0, compiler.range_count);
    return !compiler.overflow;
}

bool install_strict_filter(const struct strict_filter *filter)
{
    const struct sock_fprog program = {filter->length, (struct sock_filter *)filter->code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

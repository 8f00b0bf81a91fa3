#include "cell/syscall_rules.h"

#include <sys/syscall.h>

#define ALTERNATIVES(name, ...) static const struct alternative name##_alternatives[] = {__VA_ARGS__};
#define ALL_OF(...) {sizeof((struct comparison[]){__VA_ARGS__}) / sizeof(struct comparison), {__VA_ARGS__}}
#define IS(index, mask, value) {index, mask, value}
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ALLOW(name) {SYS_##name, 0, 0, NULL},
#define ALLOW_IF(name) {SYS_##name, 0, COUNT(name##_alternatives), name##_alternatives},
#define FAIL(name, failure) {SYS_##name, failure, 0, NULL},

#include "cell/syscall_rules.inc"

const size_t syscall_rule_count = COUNT(syscall_rules);

/* The pseudo-terminal of a phase. */
#ifndef RUNNER_TERMINAL_H
#define RUNNER_TERMINAL_H

#include "process/phase.h"

#include <sys/types.h>

/* Opens both ends, close-on-exec. Returns 0, or an errno after clean-up. */
int terminal_open(int *runner_end, int *program_end, const struct phase *phase);

/* In the child, after setsid: makes it the controlling terminal. Returns false and sets errno. */
bool terminal_control(int program_end);

/* Sets the size. The kernel sends SIGWINCH to the foreground process group. */
void terminal_resize(int runner_end, uint16_t rows, uint16_t columns);

/* Returns the foreground process group, or `fallback` if there is none. */
pid_t terminal_foreground(int runner_end, pid_t fallback);

/* Returns the end-of-file character of the terminal. */
unsigned char terminal_eof_key(int runner_end);

#endif

/* A pseudo-terminal for a phase: the program has one end, the runner is the person at the other. */
#ifndef RUNNER_TERMINAL_H
#define RUNNER_TERMINAL_H

#include "phase.h"

#include <sys/types.h>

/* Opens both ends, close-on-exec. Returns 0, or the errno; then nothing is left. */
int terminal_open(int *our_end, int *program_end, const struct phase *phase);

/* In the child, once it leads a session: makes this its controlling terminal. Returns false with errno set. */
bool terminal_control(int program_end);

/* The kernel tells the foreground processes with SIGWINCH. */
void terminal_resize(int our_end, uint16_t rows, uint16_t columns);

/* The process group that a key like Ctrl-C would reach, or `otherwise` when the terminal has none. */
pid_t terminal_foreground(int our_end, pid_t otherwise);

/* The key that means end of file there. */
unsigned char terminal_eof_key(int our_end);

#endif

/* PID 1 of a cell: a container that runs one job after the other, each in namespaces of its own. See "Cells" in PROTOCOL.md.
 *
 * A cell starts as root with CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP and CAP_CHOWN. Before it reads the first byte
 * of a job, it changes to the user CELL_ID and drops all capabilities outside of a user namespace of its own. It never runs
 * a program: each job is a child process, which becomes a runner. */
#ifndef RUNNER_CELL_H
#define RUNNER_CELL_H

/* Serves jobs until the host closes the connection. The arguments are CELL_ID, JOB_ID, and the paths below /proc that are
 * covered for jobs. Returns the exit status: 0 after the end of the connection, 1 after a fault, or 128 + signal if a signal
 * has killed the runner. */
int run_cell(int argc, char **argv);

#endif

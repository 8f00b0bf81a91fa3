/* PID 1 of a sandbox: receives one job on stdin, runs it, reports on stdout and exits. See PROTOCOL.md.
 *
 * Usage: runner [FOLDER]                           FOLDER (default: /work) is the working folder of the job
 *        runner --cell CELL_ID JOB_ID [PATH...]    see cell/cell.h */
#include "cell/cell.h"
#include "runner.h"

#include <string.h>

int main(int argc, char **argv)
{
    set_up_descriptors();
    if (argc > 1 && strcmp(argv[1], "--cell") == 0)
        return run_cell(argc - 2, argv + 2);
    return run_job(argc > 1 ? argv[1] : "/work", NULL);
}

#include "process/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_D = 4 };

static int open_program_end(int runner_end)
{
    unsigned number = 0;
    int unlocked = 0;
    char path[32];
    if (ioctl(runner_end, TIOCSPTLCK, &unlocked) != 0 || ioctl(runner_end, TIOCGPTN, &number) != 0)
        return -1;
    snprintf(path, sizeof path, "/dev/pts/%u", number);
    return open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* IUTF8: erasing a character removes all of its bytes. */
static void enable_utf8(int program_end)
{
    struct termios modes;
    if (tcgetattr(program_end, &modes) != 0)
        return;
    modes.c_iflag |= IUTF8;
    tcsetattr(program_end, TCSANOW, &modes);
}

int terminal_open(int *runner_end, int *program_end, const struct phase *phase)
{
    *runner_end = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (*runner_end < 0)
        return errno;
    *program_end = open_program_end(*runner_end);
    if (*program_end < 0) {
        int failure = errno;
        close(*runner_end);
        return failure;
    }
    enable_utf8(*program_end);
    terminal_resize(*runner_end, phase->rows, phase->columns);
    return 0;
}

bool terminal_control(int program_end)
{
    return ioctl(program_end, TIOCSCTTY, 0) == 0;
}

void terminal_resize(int runner_end, uint16_t rows, uint16_t columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (runner_end >= 0)
        ioctl(runner_end, TIOCSWINSZ, &size);
}

pid_t terminal_foreground(int runner_end, pid_t fallback)
{
    pid_t group = 0;
    return runner_end >= 0 && ioctl(runner_end, TIOCGPGRP, &group) == 0 && group > 1 ? group : fallback;
}

unsigned char terminal_eof_key(int runner_end)
{
    struct termios modes;
    return runner_end >= 0 && tcgetattr(runner_end, &modes) == 0 ? modes.c_cc[VEOF] : CTRL_D;
}

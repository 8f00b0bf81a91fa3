#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_D = 4 };

static int open_program_end(int our_end)
{
    unsigned number = 0;
    int unlocked = 0;
    char path[32];
    if (ioctl(our_end, TIOCSPTLCK, &unlocked) != 0 || ioctl(our_end, TIOCGPTN, &number) != 0)
        return -1;
    snprintf(path, sizeof path, "/dev/pts/%u", number);
    return open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* Erasing a character takes away all of its bytes. */
static void expect_utf8(int program_end)
{
    struct termios modes;
    if (tcgetattr(program_end, &modes) != 0)
        return;
    modes.c_iflag |= IUTF8;
    tcsetattr(program_end, TCSANOW, &modes);
}

int terminal_open(int *our_end, int *program_end, const struct phase *phase)
{
    *our_end = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (*our_end < 0)
        return errno;
    *program_end = open_program_end(*our_end);
    if (*program_end < 0) {
        int failure = errno;
        close(*our_end);
        return failure;
    }
    expect_utf8(*program_end);
    terminal_resize(*our_end, phase->rows, phase->columns);
    return 0;
}

bool terminal_control(int program_end)
{
    return ioctl(program_end, TIOCSCTTY, 0) == 0;
}

void terminal_resize(int our_end, uint16_t rows, uint16_t columns)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (our_end >= 0)
        ioctl(our_end, TIOCSWINSZ, &size);
}

pid_t terminal_foreground(int our_end, pid_t otherwise)
{
    pid_t group = 0;
    return our_end >= 0 && ioctl(our_end, TIOCGPGRP, &group) == 0 && group > 1 ? group : otherwise;
}

unsigned char terminal_eof_key(int our_end)
{
    struct termios modes;
    return our_end >= 0 && tcgetattr(our_end, &modes) == 0 ? modes.c_cc[VEOF] : CTRL_D;
}

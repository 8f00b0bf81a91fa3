/* Sends stdout through a pair of sockets, and the sockets through themselves: the kernel's collector has to find them. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_fds(int through, int first, int second)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char byte = 0;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    int fds[] = {first, second};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
    sendmsg(through, &message, 0);
}

int main(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 1;
    send_fds(pair[0], 1, pair[1]);
    send_fds(pair[1], 2, pair[0]);
    return write(1, "hidden\n", 7) != 7;
}

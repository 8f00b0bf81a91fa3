/* Fills /tmp from a process whose own memory is a handful of pages. */
#include <fcntl.h>
#include <unistd.h>

int main(void)
{
    static char block[4096];
    int fd = open("/tmp/filled", O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 3; i++)
        fork();
    while (write(fd, block, sizeof block) > 0)
        ;
    pause();
    return 0;
}

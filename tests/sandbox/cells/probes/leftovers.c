/* Usage: leftovers look    prints what a process inherits and can count, one line for each aspect: its name, a tab, its value
 *        leftovers leave   leaves as much as it can behind, and prints "left" */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 20, SERVERS = 20, CHILDREN = 5, FIRST_PORT = 8000, IO_PRIORITY = 2 << 13 | 3 };

static const char *outcome(long result)
{
    return result < 0 ? strerrorname_np(errno) : "ok";
}

static void print_number(const char *name, long number)
{
    printf("%s\t%ld\n", name, number);
}

/* The first id that the kernel gives to an object shows how many there were before. */
static void look_at_ipc(void)
{
    struct shmid_ds segment;
    struct msqid_ds queue;
    struct semid_ds semaphores;
    print_number("shm highest index", shmctl(0, SHM_INFO, &segment));
    print_number("msg highest index", msgctl(0, MSG_INFO, &queue));
    print_number("sem highest index", semctl(0, 0, SEM_INFO, &semaphores));
    print_number("first shm id", shmget(IPC_PRIVATE, 4096, 0600));
    print_number("first msg id", msgget(IPC_PRIVATE, 0600));
    print_number("first sem id", semget(IPC_PRIVATE, 1, 0600));
}

static void look_at_process(void)
{
    static const struct {
        const char *name;
        __rlimit_resource_t number;
    } LIMITS[] = {
        {"core", RLIMIT_CORE},       {"cpu", RLIMIT_CPU},         {"data", RLIMIT_DATA},   {"fsize", RLIMIT_FSIZE},
        {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE}, {"nofile", RLIMIT_NOFILE},
        {"nproc", RLIMIT_NPROC},     {"stack", RLIMIT_STACK},     {"sigpending", RLIMIT_SIGPENDING},
    };
    struct rlimit limit;
    struct itimerval timer;
    sigset_t mask;
    cpu_set_t cpus;
    for (size_t i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++) {
        getrlimit(LIMITS[i].number, &limit);
        printf("limit %s\t%ld %ld\n", LIMITS[i].name, (long)limit.rlim_cur, (long)limit.rlim_max);
    }
    sigprocmask(SIG_BLOCK, NULL, &mask);
    print_number("signal mask", (long)mask.__val[0]);
    getitimer(ITIMER_REAL, &timer);
    print_number("interval timer", timer.it_value.tv_sec);
    print_number("umask", umask(0));
    print_number("nice", getpriority(PRIO_PROCESS, 0));
    print_number("io priority", syscall(SYS_ioprio_get, 1, 0));
    print_number("scheduler", sched_getscheduler(0));
    sched_getaffinity(0, sizeof cpus, &cpus);
    print_number("processors", CPU_COUNT(&cpus));
    print_number("timer slack", prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    print_number("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    print_number("personality", syscall(SYS_personality, 0xffffffff));
    print_number("pid", getpid());
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    print_number("next pid", waitpid(child, NULL, 0));
    printf("keyring\t%s\n", outcome(syscall(SYS_keyctl, 0, -3, 0)));
}

static void look_at_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("descriptor %d\t%d\n", fd, fcntl(fd, F_GETFL));
    int inotify = inotify_init1(0), epoll = (int)syscall(SYS_epoll_create1, 0);
    print_number("first watch", inotify_add_watch(inotify, "/dev/null", IN_ACCESS));
    print_number("next descriptor", epoll);
}

static void look_at_sockets(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(FIRST_PORT)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    printf("port of the other job\t%s\n", outcome(bind(fd, (struct sockaddr *)&address, sizeof address)));
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0left"};
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    printf("abstract socket\t%s\n", outcome(connect(local, (struct sockaddr *)&name, sizeof(sa_family_t) + 5)));
    close(fd);
    close(local);
}

static void leave_ipc(void)
{
    static const int MODES[] = {01777, 0600, 0};
    for (int i = 0; i < KEYS; i++) {
        int mode = IPC_CREAT | MODES[i % 3];
        shmget(4711 + i, 4096, mode);
        msgget(4711 + i, mode);
        semget(4711 + i, 3, mode);
    }
    syscall(SYS_mq_open, "left", O_CREAT | O_RDWR, 0, NULL);
    syscall(SYS_add_key, "user", "left", "payload", 7, -3);
    syscall(SYS_add_key, "user", "left", "payload", 7, -4);
    syscall(SYS_keyctl, 1, NULL);
}

static void leave_sockets(void)
{
    for (int i = 0; i < SERVERS; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(FIRST_PORT + i))};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
        bind(server, (struct sockaddr *)&address, sizeof address);
        listen(server, 5);
        connect(client, (struct sockaddr *)&address, sizeof address);
        int accepted = accept(server, NULL, NULL);
        if (write(client, "data", 4) != 4)
            perror("write");
        close(accepted); /* this end is in TIME_WAIT */
    }
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0left"};
    int local = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(local, (struct sockaddr *)&name, sizeof(sa_family_t) + 5);
    listen(local, 5);
}

static void leave_processes(void)
{
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0) {
            setsid();
            signal(SIGTERM, SIG_IGN);
            sleep(1000);
        }
}

/* Everything that can be tried on a device or a file of the kernel, whether or not it is permitted. */
static void leave_changes(void)
{
    static const char *const DEVICES[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/urandom", "/dev/random"};
    static const char *const SYSCTLS[] = {
        "/proc/sys/net/core/somaxconn", "/proc/sys/net/ipv4/ip_local_port_range", "/proc/sys/kernel/shmmax",
        "/proc/sys/kernel/msgmax", "/proc/sys/user/max_user_namespaces", "/proc/1/oom_score_adj",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max",
    };
    for (size_t i = 0; i < sizeof DEVICES / sizeof *DEVICES; i++) {
        utimensat(AT_FDCWD, DEVICES[i], NULL, 0);
        chmod(DEVICES[i], 0);
        chown(DEVICES[i], getuid(), getgid());
        int fd = open(DEVICES[i], O_WRONLY);
        if (fd >= 0 && write(fd, "seed", 4) < 0)
            errno = 0;
    }
    for (size_t i = 0; i < sizeof SYSCTLS / sizeof *SYSCTLS; i++) {
        int fd = open(SYSCTLS[i], O_WRONLY);
        if (fd >= 0 && write(fd, "1", 1) == 1)
            printf("WROTE %s\n", SYSCTLS[i]);
    }
    sethostname("left", 4);
}

/* Changes of the process itself. Those that are refused change nothing. */
static void leave_attributes(void)
{
    cpu_set_t first_processor;
    CPU_ZERO(&first_processor);
    CPU_SET(0, &first_processor);
    sched_setaffinity(0, sizeof first_processor, &first_processor);
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    syscall(SYS_personality, 0x0040000);
    unsigned long io_context = 0;
    syscall(SYS_io_setup, 8, &io_context);
    mount("left", "/tmp", "tmpfs", 0, NULL);
    unshare(CLONE_NEWNS | CLONE_NEWUSER);
    const struct itimerval timer = {.it_value = {1000, 0}};
    timer_t id;
    timer_create(CLOCK_MONOTONIC, NULL, &id);
    setitimer(ITIMER_REAL, &timer, NULL);
    inotify_add_watch(inotify_init1(0), "/dev/null", IN_ACCESS);
    syscall(SYS_ioprio_set, 1, 0, IO_PRIORITY);
    setpriority(PRIO_PROCESS, 0, 5);
    umask(077);
    memset(malloc(20 << 20), 1, 20 << 20);
}

/* Last, because the process can do little afterwards. */
static void leave_limits(void)
{
    static const __rlimit_resource_t LOWERED[] = {
        RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_MSGQUEUE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_STACK,
    };
    const struct rlimit low = {16, 16};
    for (size_t i = 0; i < sizeof LOWERED / sizeof *LOWERED; i++)
        setrlimit(LOWERED[i], &low);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "look") == 0) {
        look_at_process();
        look_at_descriptors();
        look_at_ipc();
        look_at_sockets();
        return 0;
    }
    leave_ipc();
    leave_sockets();
    leave_processes();
    leave_changes();
    leave_attributes();
    puts("left");
    fflush(stdout);
    leave_limits();
    return 0;
}

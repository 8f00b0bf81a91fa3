/* Tries system calls and prints the result of each: "ok", or the name of the error. A call that may kill its process is
 * made in a child. With these arguments, a call that the filter allows would work or fail with another error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void report(const char *name, long result)
{
    printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
}

#define TRY(name, ...) report(name, syscall(__VA_ARGS__))

static void report_child(const char *name, void (*call)(void))
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        call();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    printf("%s %s\n", name, WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : WEXITSTATUS(status) ? "failed" : "ok");
}

#ifdef __x86_64__
static void call_like_32_bit(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) /* getpid */ : "memory");
    _exit(result < 0);
}

static void call_like_x32(void)
{
    long result = syscall(0x40000000 + 39); /* getpid */
    _exit(result < 0);
}
#endif

static void processes(void)
{
    static char stack[65536], other[8] = "other", mine[8];
    struct iovec local = {mine, sizeof mine}, remote = {other, sizeof other};
    unsigned long long clone_args[11] = {0};
    pid_t sleeper = fork();
    if (sleeper == 0) {
        pause();
        _exit(0);
    }
    TRY("ptrace", SYS_ptrace, PTRACE_ATTACH, sleeper, 0, 0);
    TRY("process_vm_readv", SYS_process_vm_readv, sleeper, &local, 1, &remote, 1, 0);
    TRY("process_vm_writev", SYS_process_vm_writev, sleeper, &local, 1, &remote, 1, 0);
    TRY("pidfd_open", SYS_pidfd_open, sleeper, 0);
    TRY("pidfd_getfd", SYS_pidfd_getfd, 0, 0, 0);
    TRY("pidfd_send_signal", SYS_pidfd_send_signal, 0, 0, 0, 0);
    TRY("kcmp", SYS_kcmp, getpid(), sleeper, 0, 0, 0);
    TRY("clone3", SYS_clone3, clone_args, sizeof clone_args);
    kill(sleeper, SIGKILL);
    waitpid(sleeper, NULL, 0);
    for (int flag = 0; flag < 2; flag++)
        TRY(flag ? "clone(NEWUSER)" : "clone(NEWNS)", SYS_clone, flag ? CLONE_NEWUSER | SIGCHLD : CLONE_NEWNS | SIGCHLD,
            stack + sizeof stack - 64, 0, 0, 0);
    TRY("unshare(NEWUSER)", SYS_unshare, CLONE_NEWUSER);
    TRY("unshare(NEWNET)", SYS_unshare, CLONE_NEWNET);
    TRY("unshare(FILES)", SYS_unshare, CLONE_FILES);
    TRY("setns", SYS_setns, open("/proc/self/ns/uts", O_RDONLY), 0);
    TRY("personality", SYS_personality, 0x0040000 /* ADDR_NO_RANDOMIZE */);
    TRY("acct", SYS_acct, NULL);
    TRY("migrate_pages", SYS_migrate_pages, 0, 0, NULL, NULL);
    TRY("move_pages", SYS_move_pages, 0, 0UL, NULL, NULL, NULL, 0);
}

static void kernel_features(void)
{
    static char text[256];
    TRY("io_uring_setup", SYS_io_uring_setup, 1, text);
    TRY("io_uring_enter", SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0);
    TRY("io_uring_register", SYS_io_uring_register, -1, 0, NULL, 0);
    unsigned long context = 0;
    TRY("io_setup", SYS_io_setup, 1, &context);
    TRY("userfaultfd", SYS_userfaultfd, 1 /* user mode only: needs no privilege */);
    TRY("add_key", SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_PROCESS_KEYRING);
    TRY("request_key", SYS_request_key, "user", "probe", NULL, 0);
    TRY("keyctl", SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1);
    TRY("bpf", SYS_bpf, 0, text, sizeof text);
    TRY("perf_event_open", SYS_perf_event_open, text, 0, -1, -1, 0);
    TRY("memfd_secret", SYS_memfd_secret, 0);
    TRY("syslog", SYS_syslog, 10, NULL, 0);
    TRY("init_module", SYS_init_module, text, sizeof text, "");
    TRY("finit_module", SYS_finit_module, 0, "", 0);
    TRY("delete_module", SYS_delete_module, "x", 0);
    TRY("kexec_load", SYS_kexec_load, 0, 0, NULL, 0);
    TRY("reboot", SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef /* only turns Ctrl-Alt-Del on or off */, NULL);
    TRY("swapon", SYS_swapon, "/work/x", 0);
    TRY("sethostname", SYS_sethostname, "x", 1);
    TRY("settimeofday", SYS_settimeofday, NULL, NULL);
    TRY("clock_adjtime", SYS_clock_adjtime, 0, text);
    TRY("quotactl", SYS_quotactl, 0, "", 0, NULL);
    TRY("lookup_dcookie", 212, 0, text, sizeof text);
#ifdef __x86_64__
    TRY("modify_ldt", SYS_modify_ldt, 0, text, sizeof text);
    TRY("iopl", SYS_iopl, 0);
    TRY("ioperm", SYS_ioperm, 0x80, 1, 0);
#endif
}

static void files(void)
{
    static char handle[256] = {8, 0, 0, 0};
    int mount_id, pipes[2];
    struct iovec piece = {handle, sizeof handle};
    if (pipe(pipes) != 0)
        exit(2);
    TRY("mount", SYS_mount, "none", "/work", "tmpfs", 0, "");
    TRY("umount2", SYS_umount2, "/work", 0);
    TRY("fsopen", SYS_fsopen, "tmpfs", 0);
    TRY("fsmount", SYS_fsmount, -1, 0, 0);
    TRY("fsconfig", SYS_fsconfig, -1, 0, NULL, NULL, 0);
    TRY("fspick", SYS_fspick, AT_FDCWD, "/work", 0);
    TRY("open_tree", SYS_open_tree, AT_FDCWD, "/work", 1);
    TRY("move_mount", SYS_move_mount, -1, "", -1, "", 0);
    TRY("mount_setattr", SYS_mount_setattr, AT_FDCWD, "/work", 0, handle, 32);
    TRY("pivot_root", SYS_pivot_root, "/work", "/work");
    TRY("chroot", SYS_chroot, "/work");
    TRY("name_to_handle_at", SYS_name_to_handle_at, AT_FDCWD, "/work", handle, &mount_id, 0);
    TRY("open_by_handle_at", SYS_open_by_handle_at, AT_FDCWD, handle, 0);
    TRY("fanotify_init", SYS_fanotify_init, 0x200 /* FAN_REPORT_FID: needs no privilege */, 0);
    TRY("fanotify_mark", SYS_fanotify_mark, -1, 0, 0, AT_FDCWD, NULL);
    TRY("mq_open", SYS_mq_open, "probe", O_CREAT | O_RDWR, 0600, NULL);
    TRY("mq_unlink", SYS_mq_unlink, "probe");
    TRY("vmsplice", SYS_vmsplice, pipes[1], &piece, 1UL, 0);
    TRY("mknod(device)", SYS_mknodat, AT_FDCWD, "/work/device", 0020666 /* S_IFCHR */, 0x103);
}

static void sockets(void)
{
    struct {
        const char *name;
        int family, type, protocol;
    } sockets[] = {
        {"AF_UNIX", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0},
        {"AF_INET tcp", AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 6},
        {"AF_INET udp", AF_INET, SOCK_DGRAM, 0},
        {"AF_INET6 tcp", AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0},
        {"AF_INET6 udp", AF_INET6, SOCK_DGRAM, 17},
        {"AF_ALG", AF_ALG, SOCK_SEQPACKET, 0},
        {"AF_VSOCK", AF_VSOCK, SOCK_STREAM, 0},
        {"AF_PACKET", AF_PACKET, SOCK_RAW, 0},
        {"AF_NETLINK", AF_NETLINK, SOCK_RAW, 0},
        {"AF_TIPC", AF_TIPC, SOCK_SEQPACKET, 0},
        {"AF_RDS", AF_RDS, SOCK_SEQPACKET, 0},
        {"AF_XDP", AF_XDP, SOCK_RAW, 0},
        {"AF_CAN", AF_CAN, SOCK_RAW, 1},
        {"AF_BLUETOOTH", AF_BLUETOOTH, SOCK_RAW, 1},
        {"AF_INET raw", AF_INET, SOCK_RAW, 1},
        {"AF_INET ping", AF_INET, SOCK_DGRAM, 1},
        {"AF_INET sctp", AF_INET, SOCK_STREAM, 132},
        {"AF_INET sctp by type", AF_INET, SOCK_SEQPACKET, 0},
        {"AF_INET mptcp", AF_INET, SOCK_STREAM, 262},
        {"AF_INET dccp", AF_INET, 6, 33},
        {"AF_INET udplite", AF_INET, SOCK_DGRAM, 136},
        {"AF_INET6 l2tp", AF_INET6, SOCK_DGRAM, 115},
    };
    int pair[2];
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        TRY(sockets[i].name, SYS_socket, sockets[i].family, sockets[i].type, sockets[i].protocol);
    TRY("socketpair(AF_UNIX)", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    TRY("socketpair(AF_TIPC)", SYS_socketpair, AF_TIPC, SOCK_STREAM, 0, pair);
}

int main(void)
{
    processes();
    kernel_features();
    files();
    sockets();
#ifdef __x86_64__
    report_child("int 0x80", call_like_32_bit);
    report_child("x32", call_like_x32);
#endif
    report_child("nothing at all", (void (*)(void))getpid);
    return 0;
}

#include "cell/mounts.h"

#include "close_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The sizes are those of app/sandbox/template.py. */
#define INODES ",nr_inodes=16384"
#define TMP_OPTIONS "mode=1777,size=67108864" INODES
#define SHM_OPTIONS "mode=1777,size=16777216"
/* The runner counts the terminals at least every 100 ms and kills a program with more than 16. These are all that a program
 * can open until then. */
#define PTS_OPTIONS "newinstance,ptmxmode=0666,mode=620,max=32"

static const unsigned long SAFE = MS_NOSUID | MS_NODEV;

/* The paths that Docker makes read-only, from 20.10 to 28.5 (oci/defaults.go). */
static const char *const READ_ONLY[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

static unsigned long mount_flags(const char *path)
{
    static const struct {
        unsigned long statvfs, mount;
    } FLAGS[] = {{ST_NOSUID, MS_NOSUID}, {ST_NODEV, MS_NODEV}, {ST_NOEXEC, MS_NOEXEC}, {ST_RDONLY, MS_RDONLY}};
    struct statvfs status;
    unsigned long flags = 0;
    if (statvfs(path, &status) == 0)
        for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
            flags |= status.f_flag & FLAGS[i].statvfs ? FLAGS[i].mount : 0;
    return flags;
}

bool make_read_only(const char *path)
{
    return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | mount_flags(path), NULL) == 0;
}

/* The engine leaves /etc/hosts empty in a container without a network. The file is in a tmpfs that only its mount keeps. */
static bool write_hosts(void)
{
    static const char HOSTS[] = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    if (access("/etc/hosts", F_OK) != 0)
        return true;
    if (mount("tmpfs", "/tmp", "tmpfs", SAFE | MS_NOEXEC, "mode=755,size=4k,nr_inodes=2") != 0)
        return false;
    int fd = open("/tmp/hosts", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool mounted = fd >= 0 && write(fd, HOSTS, sizeof HOSTS - 1) == (ssize_t)sizeof HOSTS - 1 &&
                   mount("/tmp/hosts", "/etc/hosts", NULL, MS_BIND, NULL) == 0 && make_read_only("/etc/hosts");
    int failure = errno;
    close_fd(&fd);
    errno = failure;
    return mounted && umount2("/tmp", MNT_DETACH) == 0;
}

const char *prepare_cell_mounts(void)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return "/";
    if (!write_hosts())
        return "/etc/hosts";
    return make_read_only("/dev") ? NULL : "/dev";
}

/* A path that the kernel does not have is skipped, as by Docker. */
static bool mask(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT;
    if (S_ISDIR(status.st_mode))
        return mount("tmpfs", path, "tmpfs", SAFE | MS_NOEXEC | MS_RDONLY, "size=4k,nr_inodes=1") == 0;
    return mount("/dev/null", path, NULL, MS_BIND, NULL) == 0;
}

const char *mount_shared_folders(char *const *masked)
{
    static const struct {
        const char *path, *type;
        unsigned long flags;
        const char *options;
    } FOLDERS[] = {
        {"/tmp", "tmpfs", MS_NOSUID | MS_NODEV, TMP_OPTIONS},
        {"/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, SHM_OPTIONS},
        {"/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, PTS_OPTIONS},
        {"/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
        {"/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL},
    };
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++)
        if (mount(FOLDERS[i].type, FOLDERS[i].path, FOLDERS[i].type, FOLDERS[i].flags, FOLDERS[i].options) != 0)
            return FOLDERS[i].path;
    for (; *masked != NULL; masked++)
        if (!mask(*masked))
            return *masked;
    return NULL;
}

const char *mount_working_folder(uint64_t disk_bytes)
{
    char options[96];
    snprintf(options, sizeof options, "mode=1777,size=%llu" INODES, (unsigned long long)disk_bytes);
    return mount("tmpfs", "/work", "tmpfs", SAFE, options) == 0 ? NULL : "/work";
}

static bool write_sysctl(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    int failure = errno;
    close_fd(&fd);
    errno = failure;
    return written;
}

static bool enable_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool enabled = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    int failure = errno;
    close_fd(&fd);
    errno = failure;
    return enabled;
}

/* The reasons for the values are in app/sandbox/template.py. Older kernels (6.1, for example) do not have the first one in a
 * network namespace of a user namespace. Connections that wait to be accepted are then bounded by process/socket_quota.h. */
const char *set_up_network(void)
{
    static const char SOMAXCONN_PATH[] = "/proc/sys/net/core/somaxconn";
    static const char TIME_WAIT_PATH[] = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
    if (!enable_loopback())
        return "lo";
    if (!write_sysctl(SOMAXCONN_PATH, "128") && errno != ENOENT)
        return SOMAXCONN_PATH;
    return write_sysctl(TIME_WAIT_PATH, "0") ? NULL : TIME_WAIT_PATH;
}

const char *protect_proc(void)
{
    for (size_t i = 0; i < sizeof READ_ONLY / sizeof *READ_ONLY; i++) {
        if (mount(READ_ONLY[i], READ_ONLY[i], NULL, MS_BIND | MS_REC, NULL) != 0) {
            if (errno == ENOENT)
                continue;
            return READ_ONLY[i];
        }
        if (!make_read_only(READ_ONLY[i]))
            return READ_ONLY[i];
    }
    return NULL;
}

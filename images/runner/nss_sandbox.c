/* libnss_sandbox.so.2: the user and group `runner`, and the addresses of `localhost` and of the sandbox's host name.
 *
 * Each sandbox has its own user id, so that no file of the image can list it. /etc/hosts is empty: the engine empties it
 * in each container, and generates it only for containers with a network. The interface is described in the manual of the
 * GNU C Library, "NSS Module Function Internals". */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <nss.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char name[] = "runner", password[] = "x", full_name[] = "", home[] = "/work", shell[] = "/bin/sh";
static char *no_members[] = {NULL};
static int users_left, groups_left;

static enum nss_status fill_user(struct passwd *entry)
{
    *entry = (struct passwd){
        .pw_name = name,
        .pw_passwd = password,
        .pw_uid = getuid(),
        .pw_gid = getgid(),
        .pw_gecos = full_name,
        .pw_dir = home,
        .pw_shell = shell,
    };
    return NSS_STATUS_SUCCESS;
}

static enum nss_status fill_group(struct group *entry)
{
    *entry = (struct group){.gr_name = name, .gr_passwd = password, .gr_gid = getgid(), .gr_mem = no_members};
    return NSS_STATUS_SUCCESS;
}

static enum nss_status not_found(int *failure)
{
    *failure = ENOENT;
    return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_sandbox_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, int *failure)
{
    (void)buffer, (void)size;
    return uid == getuid() ? fill_user(entry) : not_found(failure);
}

enum nss_status _nss_sandbox_getpwnam_r(const char *key, struct passwd *entry, char *buffer, size_t size, int *failure)
{
    (void)buffer, (void)size;
    return strcmp(key, name) == 0 ? fill_user(entry) : not_found(failure);
}

enum nss_status _nss_sandbox_setpwent(int stay_open)
{
    (void)stay_open;
    users_left = 1;
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_sandbox_getpwent_r(struct passwd *entry, char *buffer, size_t size, int *failure)
{
    (void)buffer, (void)size;
    if (users_left == 0)
        return not_found(failure);
    users_left = 0;
    return fill_user(entry);
}

enum nss_status _nss_sandbox_endpwent(void)
{
    users_left = 0;
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_sandbox_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size, int *failure)
{
    (void)buffer, (void)size;
    return gid == getgid() ? fill_group(entry) : not_found(failure);
}

enum nss_status _nss_sandbox_getgrnam_r(const char *key, struct group *entry, char *buffer, size_t size, int *failure)
{
    (void)buffer, (void)size;
    return strcmp(key, name) == 0 ? fill_group(entry) : not_found(failure);
}

enum nss_status _nss_sandbox_setgrent(int stay_open)
{
    (void)stay_open;
    groups_left = 1;
    return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_sandbox_getgrent_r(struct group *entry, char *buffer, size_t size, int *failure)
{
    (void)buffer, (void)size;
    if (groups_left == 0)
        return not_found(failure);
    groups_left = 0;
    return fill_group(entry);
}

enum nss_status _nss_sandbox_endgrent(void)
{
    groups_left = 0;
    return NSS_STATUS_SUCCESS;
}

static const char LOCALHOST[] = "localhost";

/* What a `struct hostent` points to. */
struct host_data {
    char *aliases[1], *addresses[2];
    unsigned char address[sizeof(struct in6_addr)];
    char name[HOST_NAME_MAX + 1];
};

/* Fills `entry` with pointers into `buffer`. */
static enum nss_status fill_host(const char *host, int family, struct hostent *entry, char *buffer, size_t size,
                                 int *failure, int *host_failure)
{
    struct in_addr ipv4 = {htonl(INADDR_LOOPBACK)};
    size_t padding = -(uintptr_t)buffer % _Alignof(struct host_data);
    struct host_data *data = (struct host_data *)(buffer + padding);
    if (size < padding + sizeof *data) {
        *failure = ERANGE;
        *host_failure = NETDB_INTERNAL;
        return NSS_STATUS_TRYAGAIN;
    }
    memset(data, 0, sizeof *data);
    strncpy(data->name, host, HOST_NAME_MAX);
    int length = family == AF_INET ? sizeof ipv4 : sizeof in6addr_loopback;
    memcpy(data->address, family == AF_INET ? (const void *)&ipv4 : &in6addr_loopback, (size_t)length);
    data->addresses[0] = (char *)data->address;
    *entry = (struct hostent){data->name, data->aliases, family, length, data->addresses};
    *host_failure = NETDB_SUCCESS;
    return NSS_STATUS_SUCCESS;
}

static enum nss_status host_not_found(int *failure, int *host_failure)
{
    *host_failure = HOST_NOT_FOUND;
    return not_found(failure);
}

/* The own name has no IPv6 address: programs that listen on 127.0.0.1 are reachable by this name too. */
enum nss_status _nss_sandbox_gethostbyname2_r(const char *key, int family, struct hostent *entry, char *buffer,
                                              size_t size, int *failure, int *host_failure)
{
    char own[HOST_NAME_MAX + 1] = "";
    gethostname(own, HOST_NAME_MAX);
    if (strcasecmp(key, LOCALHOST) == 0 && (family == AF_INET || family == AF_INET6))
        return fill_host(LOCALHOST, family, entry, buffer, size, failure, host_failure);
    if (strcasecmp(key, own) == 0 && family == AF_INET)
        return fill_host(own, family, entry, buffer, size, failure, host_failure);
    return host_not_found(failure, host_failure);
}

enum nss_status _nss_sandbox_gethostbyname_r(const char *key, struct hostent *entry, char *buffer, size_t size,
                                             int *failure, int *host_failure)
{
    return _nss_sandbox_gethostbyname2_r(key, AF_INET, entry, buffer, size, failure, host_failure);
}

enum nss_status _nss_sandbox_gethostbyaddr_r(const void *address, socklen_t length, int family, struct hostent *entry,
                                             char *buffer, size_t size, int *failure, int *host_failure)
{
    struct in_addr ipv4 = {htonl(INADDR_LOOPBACK)};
    const void *loopback = family == AF_INET ? (const void *)&ipv4 : &in6addr_loopback;
    socklen_t expected = family == AF_INET ? sizeof ipv4 : sizeof in6addr_loopback;
    if ((family != AF_INET && family != AF_INET6) || length != expected || memcmp(address, loopback, length) != 0)
        return host_not_found(failure, host_failure);
    return fill_host(LOCALHOST, family, entry, buffer, size, failure, host_failure);
}

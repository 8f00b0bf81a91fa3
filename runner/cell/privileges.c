#include "cell/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    /* Where unprivileged users may not create user namespaces, CAP_SYS_ADMIN is required as well. */
    USER_NAMESPACE_CAPABILITIES = 1 << CAP_SYS_ADMIN | 1 << CAP_SETUID | 1 << CAP_SETGID,
    /* The last two are for jobs without a user namespace of their own: to empty the bounding set and set sysctls. */
    CELL_CAPABILITIES = USER_NAMESPACE_CAPABILITIES | 1 << CAP_SETPCAP | 1 << CAP_NET_ADMIN,
};

/* All capabilities that PID 1 keeps are in the low word. */
static bool set_capabilities(unsigned low)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct data[2] = {{low, low, 0}, {0, 0, 0}};
    return syscall(SYS_capset, &header, data) == 0;
}

static bool change_user(uid_t id)
{
    return setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0;
}

/* Stops at the first number that the kernel does not know. */
static bool empty_bounding_set(void)
{
    for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++)
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return false;
    return true;
}

bool become_cell_user(uid_t id)
{
    return setgroups(0, NULL) == 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && change_user(id) &&
           set_capabilities(USER_NAMESPACE_CAPABILITIES);
}

bool keep_cell_capabilities(void)
{
    return set_capabilities(CELL_CAPABILITIES);
}

bool become_job_user(uid_t id)
{
    return empty_bounding_set() && change_user(id) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
           set_capabilities(0);
}

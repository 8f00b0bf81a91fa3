#!/bin/sh
# Starts the dockerd of another root file system: dockerd.sh ROOT ALLOW_CGROUP2 [OPTION...]
# Runs in a private mount namespace, in which the programs and libraries of this machine are replaced. All other paths are
# those of the machine, so that sockets and data are in the same place inside and outside.
set -eu
root=$1
allow_cgroup2=$2
shift 2
mount --bind "$root/etc/ld.so.cache" /etc/ld.so.cache
mount --bind "$root/usr" /usr
# crun refuses a machine on which both cgroup versions are mounted.
if [ "$allow_cgroup2" = no ]; then
    awk '$3 == "cgroup2" && $2 != "/sys/fs/cgroup" { print $2 }' /proc/self/mounts | xargs -r umount
fi
exec dockerd "$@"

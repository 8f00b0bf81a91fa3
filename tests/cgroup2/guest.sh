#!/bin/bash
# Process 1 of the guest, or a service if systemd is process 1: starts dockerd, and powers the guest off when the file `stop`
# exists in the shared folder. The configuration file sets SHARED, MODULES, ADDRESS, PREFIX, PORT and DOCKERD_OPTIONS.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
. /pyxec-guest.conf
if [ $$ = 1 ]; then
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t tmpfs run /run -o mode=755
    mount -t tmpfs tmp /tmp
    mkdir -p /dev/pts /dev/shm /dev/mqueue
    mount -t devpts devpts /dev/pts
    mount -t tmpfs shm /dev/shm
    mount -t mqueue mqueue /dev/mqueue
    ln -sfn /proc/self/fd /dev/fd
    mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
    ip link set lo up
    # dockerd must not run in the root group, which has no file of the swap limit: it would not set this limit.
    echo "+cpu +memory +pids" > /sys/fs/cgroup/cgroup.subtree_control
    mkdir /sys/fs/cgroup/engine
    echo $$ > /sys/fs/cgroup/engine/cgroup.procs
fi
mount -t tmpfs mnt /mnt
mkdir -p /mnt/shared /mnt/disk /run/lib/modules
mount -t hostfs none /mnt/shared -o "$SHARED"
mount -t hostfs none /run/lib/modules -o "$MODULES"
for module in overlay veth bridge; do modprobe -d /run $module; done
mount -t ext4 -o noatime /dev/ubda /mnt/disk
ip addr add "$ADDRESS/$PREFIX" dev vec0
ip link set vec0 up
mkdir -p /mnt/disk/tmp
chmod 1777 /mnt/disk/tmp
DOCKER_TMPDIR=/mnt/disk/tmp dockerd --host="tcp://$ADDRESS:$PORT" --tls=false --storage-driver=overlay2 \
    --data-root=/mnt/disk/docker --bridge=none --iptables=false --ip6tables=false $DOCKERD_OPTIONS \
    > /mnt/shared/dockerd.log 2>&1 &
dockerd=$!
until [ -e /mnt/shared/stop ]; do sleep 0.5; done
kill $dockerd
wait $dockerd
sync
umount /mnt/disk
poweroff -f

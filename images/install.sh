#!/bin/sh
# Installs the packages named as arguments, then takes away what a sandbox must not have. Runs as root during the build.
set -eu

export DEBIAN_FRONTEND=noninteractive
if [ -s /etc/ssl/extra-ca.crt ]; then
    printf 'Acquire::https::CAInfo "/etc/ssl/extra-ca.crt";\n' > /etc/apt/apt.conf.d/90extra-ca
fi
# No documentation and no translations: nobody reads them in a sandbox.
cat > /etc/dpkg/dpkg.cfg.d/90slim <<'END'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
END

apt-get update -q
apt-get install -q -y --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
rm -f /etc/apt/apt.conf.d/90extra-ca /etc/ssl/extra-ca.crt

# A program that changes who it is has no place here.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# Mounted over with a tmpfs for each job; there for an image that is run by hand.
mkdir -p /work
chmod 1777 /work /tmp

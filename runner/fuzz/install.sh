#!/bin/sh
# Installs clang with libFuzzer and sanitizers. Exits with 3 and a message if that is not possible.
set -eu

works() {
    echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' \
        | clang -fsanitize=fuzzer,address -x c -o /dev/null - 2> /dev/null
}

install() {
    DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" > /dev/null
}

if ! works && command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
    apt-get -q update > /dev/null
    install clang
    install "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
fi
works || { echo 'skipped: fuzzing needs clang with libFuzzer (Debian: clang libclang-rt-14-dev)' >&2; exit 3; }

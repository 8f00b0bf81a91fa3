#!/bin/sh
# Brings clang with libFuzzer and its sanitizers, where we may. Exits 3, and says what is missing, where we may not.
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

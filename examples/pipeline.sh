#!/usr/bin/env bash
# Reads an access log from stdin and prints three statistics, computed with pipes only.
set -euo pipefail
export LC_ALL=C

log=$(mktemp -p /tmp)
cat > "$log"

echo "== requests per path"
awk '{ print $3 }' "$log" | sort | uniq -c | sort -k1,1nr -k2,2 | awk '{ printf "%-12s %d\n", $2, $1 }'

echo "== slowest of each status"
sort -k4,4n -k5,5nr "$log" | awk '!seen[$4]++ { print $4, $5 "ms", $3 }'

echo "== bytes sent"
cut -d' ' -f6 "$log" | paste -sd+ - | bc

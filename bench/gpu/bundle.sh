#!/usr/bin/env bash
# Makes a folder with all that run.sh needs on a GPU machine without Go. CGO_CFLAGS and
# CGO_LDFLAGS say where the headers and a libcuda to link with are: make bundle.
# CUBINS names a folder of compiled kernels, sm_XX/NAME.cubin, to take along if it is there.
set -euo pipefail
out=${1:?usage: bundle.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$out"
mkdir -p "$out"
go test -c -tags cuda -ldflags='-s -w' -o "$out/cuda.test" ./cuda
go build -tags cuda -ldflags='-s -w' -o "$out/mine" ./cmd/mine
gzip -9n "$out/mine" # a third of it; run.sh unpacks it
cp "$here"/{run.sh,peers.py,report.py} bench/data/diamonds.csv "$out/"
[ ! -d "${CUBINS:-}" ] || cp -r "$CUBINS" "$out/cubins"
# Which sources a result is of.
{ git describe --always --dirty --abbrev=12 2> /dev/null || echo unknown; } > "$out/version"
# What can be carried to such a machine may be limited, and the sources go along with
# this folder: together they stay below 48 MiB.
tree=$(git ls-files -z 2> /dev/null | xargs -0 -r du -cb -- 2> /dev/null | awk '$2 == "total" { sum += $1 } END { print int(sum / 2^20) + 1 }')
size=$(($(du -sb "$out" | cut -f 1) / 1048576 + 1))
echo "$out: $size MiB, with the sources $((size + tree)) MiB"
[ $((size + tree)) -lt 48 ]

#!/usr/bin/env bash
# Makes a folder with all that run.sh needs on a GPU machine. CGO_CFLAGS and
# CGO_LDFLAGS say where the headers and a libcuda to link with are: make bundle.
set -euo pipefail
out=${1:?usage: bundle.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$out"
mkdir -p "$out"
go test -c -tags cuda -ldflags='-s -w' -o "$out/cuda.test" ./cuda
go build -tags cuda -ldflags='-s -w' -o "$out/mine" ./cmd/mine
cp "$here/run.sh" "$here/peers.py" bench/data/diamonds.csv "$out/"
chmod +x "$out/run.sh"
size=$(du -sm "$out" | cut -f 1)
echo "$out: $size MiB"
[ "$size" -lt 60 ]

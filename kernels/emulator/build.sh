#!/usr/bin/env bash
# Builds the stand-in libcuda.so.1 with all kernels into a directory.
#
#	kernels/emulator/build.sh DIR [plain|asan]
#
# Objects are kept there and only what changed is compiled again. KERNELS names
# another folder with the .cu files, for the mutation check.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh DIR [plain|asan]}
kernels=${KERNELS:-$here/..}
flags=(-std=c++17 -fPIC -fvisibility=hidden -ffp-contract=fast -Wall -Wextra -Wno-unknown-pragmas -Wno-unused-function -Wno-sign-compare -DGOMINE_EMULATOR -I "$kernels" -I "$here/.." -I "$here")
case ${2:-plain} in
plain) flags+=(-O2 -march=x86-64-v3) ;;
asan) flags+=(-O1 -g -fsanitize=address -fsanitize-sections=emulated_shared) ;;
*) echo "build.sh: unknown variant $2, want plain or asan" >&2; exit 2 ;;
esac
[ "$(uname -m)" = x86_64 ] || flags=("${flags[@]/-march=x86-64-v3/}")
mkdir -p "$out"

# compile SOURCE OBJECT: if anything that it includes is younger
compile() {
	local object=$2 dep=${2%.o}.d
	if [ -f "$object" ] && [ -f "$dep" ]; then
		local stale=0 f
		for f in $(sed -e 's/^[^:]*://' -e 's/\\$//' "$dep"); do
			[ -f "$f" ] && [ ! "$f" -nt "$object" ] || { stale=1; break; }
		done
		[ $stale = 1 ] || return 0
	fi
	"${CXX:-g++}" "${flags[@]}" -MMD -MF "$dep" -c "$1" -o "$object"
}

jobs_left=$(nproc 2>/dev/null || echo 2)
running=0
pids=()
objects=()
start() {
	compile "$1" "$2" &
	pids+=($!)
	objects+=("$2")
	running=$((running + 1))
	if [ $running -ge "$jobs_left" ]; then
		wait "${pids[0]}"
		pids=("${pids[@]:1}")
		running=$((running - 1))
	fi
}
start "$here/emulator.cc" "$out/emulator.o"
start "$here/copies.cc" "$out/copies.o"
start "$here/tensor.cc" "$out/tensor.o"
start "$here/driver.cc" "$out/driver.o"
for source in "$kernels"/*.cu; do
	[ -f "$source" ] || continue
	name=$(basename "$source" .cu)
	registered=$out/$name.emulated.cc
	{
		echo "#include \"launch.h\""
		echo "#include \"$(cd "$(dirname "$source")" && pwd)/$name.cu\""
		sed -nE 's/^KERNEL\(([0-9]+)[^)]*\) ([a-z0-9_]+)\(.*/REGISTER(\2, \1)/p' "$source"
	} > "$registered.new"
	cmp -s "$registered.new" "$registered" && rm "$registered.new" || mv "$registered.new" "$registered"
	start "$registered" "$out/$name.o"
done
for pid in "${pids[@]}"; do wait "$pid"; done
"${CXX:-g++}" "${flags[@]}" -shared -Wl,-soname,libcuda.so.1 -o "$out/libcuda.so.1.new" "${objects[@]}"
mv "$out/libcuda.so.1.new" "$out/libcuda.so.1" # a running test keeps the old one
ln -sf libcuda.so.1 "$out/libcuda.so"

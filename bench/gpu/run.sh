#!/usr/bin/env bash
# Tests and measures gomine on a machine with an NVIDIA GPU and driver, without Go
# and without a CUDA toolkit. Made by `make bundle`. Has not been run on a GPU yet.
#
#	./run.sh [OUT]         everything, results into OUT (default: results)
#	./run.sh OUT quick     the tests only
#
# The peers need python3 with PyTorch and are left out without it;
# compute-sanitizer is used where it is on the path.
set -uo pipefail
cd "$(dirname "$0")"
out=${1:-results}
mkdir -p "$out"
failed=0
step() { # step NAME COMMAND..: runs it, keeps what it prints
	local name=$1
	shift
	printf '== %s\n' "$name"
	"$@" > "$out/$name.txt" 2>&1
	local code=$?
	[ $code = 0 ] || { failed=1; echo "   failed with $code, see $out/$name.txt"; }
	tail -n 3 "$out/$name.txt"
}
{
	date -u +%FT%TZ
	nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv
} > "$out/device.txt" 2>&1
cat "$out/device.txt"

step tests ./cuda.test -test.v -test.timeout 20m
step estimate ./mine estimate diamonds.csv --x carat,length_mm,width_mm,height_mm,table_pct --z price_usd --backend cuda
if command -v compute-sanitizer > /dev/null; then
	step memcheck compute-sanitizer --tool memcheck --error-exitcode 1 ./cuda.test -test.run 'Ways|Shapes' -test.timeout 20m
	step racecheck compute-sanitizer --tool racecheck --error-exitcode 1 ./cuda.test -test.run 'Ways|Shapes' -test.timeout 20m
fi
if [ "${2:-}" != quick ]; then
	step bench ./cuda.test -test.run '^$' -test.bench TrainStep -test.benchtime 2s -test.count 5 -test.timeout 60m
	if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
		step peers python3 peers.py
	fi
fi
# One JSON file of it all.
python3 - "$out" << 'PY' || true
import json, pathlib, re, sys
out = pathlib.Path(sys.argv[1])
text = lambda name: (out / f"{name}.txt").read_text() if (out / f"{name}.txt").exists() else ""
benchmarks = []
for line in text("bench").splitlines():
    if line.startswith("Benchmark"):
        fields = line.split()
        benchmarks.append({"name": fields[0]} | {unit: float(v) for v, unit in zip(fields[2::2], fields[3::2])})
peers = [json.loads(line) for line in text("peers").splitlines() if line.startswith("{")]
failures = re.findall(r"^\s*--- FAIL: (\S+)", text("tests"), re.M)
json.dump({"device": text("device"), "failures": failures, "estimate": text("estimate"), "benchmarks": benchmarks, "peers": peers},
          open(out / "results.json", "w"), indent=1)
PY
exit $failed

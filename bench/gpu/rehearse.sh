#!/usr/bin/env bash
# Rehearses run.sh out of the bundle on the emulator, in less than three minutes, with
# stand-ins for the programs of NVIDIA, and with what can go wrong: a failing test,
# a hanging one, no time, no Python, a kill in the middle. Needs Python: make rehearse.
#
#	bench/gpu/rehearse.sh BUNDLE EMULATOR [DIR]
#
# The results stay in DIR, an empty folder, where one is given.
set -euo pipefail
bundle=$(cd "${1:?usage: rehearse.sh BUNDLE EMULATOR}" && pwd)
LD_LIBRARY_PATH=$(cd "${2:?usage: rehearse.sh BUNDLE EMULATOR}" && pwd)
export LD_LIBRARY_PATH
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -ge 3 ]; then
	mkdir -p "$3"
	scratch=$(cd "$3" && pwd)
else
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
fi

# The smallest amount of work that still passes through every stage.
export REHEARSAL=1 CASES=A STEPS=1 REPEATS=1x TESTS='^Test(UpdateByNothing|BatchAgrees|Padding|Shapes)$'
# The check of the doctor is of fixed length, minutes on the emulator.
export DOCTOR='--backend cpu' ESTIMATE='--folds 1 --hidden 16 --batch 64 --steps 4 --evaluate-every 4 --race=false --validation-fraction 0.01 --test-fraction 0.01 --test-pairs 5000'

# stand_in NAME: a program of that name, before all others on the path. What would
# change the settings of the card is an error here.
stand_in() { mkdir -p "$scratch/bin" && { echo '#!/usr/bin/env bash' && cat; } > "$scratch/bin/$1" && chmod +x "$scratch/bin/$1"; }
stand_in nvidia-smi << 'END'
case "$*" in
*-lms*) while echo "now, 0 MHz, 0 MHz, 0 W, 0"; do sleep 0.25; done ;;
*compute_cap*) echo "gomine emulator, none, 9.0" ;;
-q | --query-gpu=*) echo "a stand-in for nvidia-smi" ;;
*) echo "nvidia-smi $*: run.sh must not do this" >&2; exit 9 ;;
esac
END
stand_in compute-sanitizer << 'END'
[ "$1 $3 $4" = "--tool --error-exitcode 1" ] || exit 9
[ "$2" = memcheck ] || exit 0 # the same again takes time and shows nothing
shift 4
SANITIZED=1 exec "$@"
END
stand_in ncu << 'END'
[ "$1 $2" = "--clock-control none" ] || { echo "ncu would set the clocks" >&2; exit 9; }
until [[ $1 = *cuda.test ]]; do [ "$1" != --log-file ] || echo profile > "$2"; shift; done
exec "$@"
END
export PATH=$scratch/bin:$PATH

step() { printf '\n-- %s\n' "$*"; }

# holds NAME EXPRESSION: of OUT/results.jsonl, every line of which must be JSON. rc is the
# exit code of every stage by its name, why the reason of one that was skipped.
holds() {
	python3 - "$scratch/$1" "$2" << 'END'
import json, os, sys
out, expression = sys.argv[1:]
lines = [json.loads(line) for line in open(os.path.join(out, "results.jsonl"))]
rc = {r["stage"]: r["rc"] for r in lines if "stage" in r}
why = {r["stage"]: r["skipped"] for r in lines if "skipped" in r and "stage" in r}
files = os.listdir(out)
assert len(files) <= 8, files
if not eval(expression):
    sys.exit(f"rehearse.sh: does not hold: {expression}\n" + "\n".join(map(str, lines)))
END
}

# reports NAME TEXT..: report.py makes tables of it that contain the texts.
reports() {
	local name=$1 text
	shift
	python3 "$bundle/report.py" "$scratch/$name/results.jsonl" > "$scratch/$name.md"
	for text; do
		grep -qF -- "$text" "$scratch/$name.md" || { cat "$scratch/$name.md"; echo "rehearse.sh: no \"$text\" in this report of $name" >&2; exit 1; }
	done
}

step "report.py makes of a rehearsal's lines the tables that it should"
python3 "$here/report.py" "$here/testdata/rehearsal.jsonl" | diff "$here/testdata/rehearsal.md" -

step "the emulator is no GPU unless this is said to be a rehearsal"
code=0
REHEARSAL='' "$bundle/run.sh" "$scratch/refused" first || code=$?
[ $code = 2 ] && [ ! -e "$scratch/refused/results.jsonl" ]

step "the first call"
"$bundle/run.sh" "$scratch/first" first
holds first '{"environment", "first light, PTX, no cache", "first light, PTX, cached", "estimate on cuda", "estimate on cpu", "agreement", "test TestShapes", "speed A"} <= set(rc)'
holds first 'set(rc.values()) <= {0, None}'
# What the bundle has must run, and what it lacks must be said.
cubins='why["first light, cubins"] == "no cubins for sm_90"'
[ ! -d "$bundle/cubins/sm_90" ] || cubins='rc["first light, cubins"] == 0'
holds first "$cubins and rc['profile A'] == 0"
[ -s "$scratch/first/ncu-A.csv" ] && [ -s "$scratch/first/clocks.csv" ]
reports first 'gomine emulator' '4 passed, 0 failed, 0 skipped' 'Same data, same seed' "\`d=2/h=64/l=2/batch=256\`" 'profile A'

step "the second call"
"$bundle/run.sh" "$scratch/second" second
once='why["sanitizer memcheck"] == "no TestOnce"'
[ -z "$("$bundle/cuda.test" -test.list '^TestOnce$')" ] || once='rc["sanitizer memcheck"] == 0'
holds second "set(rc.values()) <= {0, None} and $once and rc['peers'] == rc['speed again A'] == 0"
reports second 'gomine emulator' 'sanitizer memcheck'

step "a test that fails, and one that hangs and does not heed SIGTERM"
cp -rs "$bundle" "$scratch/planted"
rm "$scratch/planted/cuda.test"
cat > "$scratch/planted/cuda.test" << END
#!/usr/bin/env bash
case "\$*" in
*'^TestPadding\$'*) echo '    padding_test.go:1: a planted failure'; echo '--- FAIL: TestPadding'; exit 1 ;;
*'^TestBatchAgrees\$'*) [ -n "\${SANITIZED:-}\${GOMINE_CUDA_SYNC:-}" ] || { trap '' TERM; while :; do sleep 1; done; } ;;
esac
exec "$bundle/cuda.test" "\$@"
END
chmod +x "$scratch/planted/cuda.test"
code=0
CASES='' SCALE=20 "$scratch/planted/run.sh" "$scratch/wrong" first || code=$?
[ $code = 1 ]
holds wrong 'rc["test TestPadding"] == rc["synchronous TestPadding"] == rc["memcheck TestPadding"] == 1'
holds wrong 'rc["test TestBatchAgrees"] == 137 and rc["synchronous TestBatchAgrees"] == 0 and "memcheck TestBatchAgrees" not in rc'
holds wrong 'rc["test TestShapes"] == rc["test TestUpdateByNothing"] == 0'
reports wrong '2 passed, 2 failed, 0 skipped' 'a planted failure' 'killed after 12 s'

step "no Python, and a deadline"
mkdir "$scratch/nothing"
printf '#!/bin/sh\nexit 127\n' > "$scratch/nothing/python3"
chmod +x "$scratch/nothing/python3"
began=$SECONDS
# The estimate on the emulator, which takes longer, may or may not be cut off.
PATH=$scratch/nothing:$PATH DEADLINE=4 "$bundle/run.sh" "$scratch/short" first || true
[ $((SECONDS - began)) -le 15 ]
holds short 'why["ceilings"] == "no python3 here" and rc["first light, PTX, no cache"] == 0'
holds short 'why["test TestShapes"] == why["speed A"] == "no time left" and "ended" in lines[-1]'

step "killed in the middle"
setsid "$bundle/run.sh" "$scratch/killed" first > /dev/null 2>&1 &
run=$!
for _ in {1..600}; do
	[ "$(grep -s '"rc":0' "$scratch/killed/results.jsonl" | wc -l)" -lt 4 ] || break
	sleep 0.1
done
# Every process of its session at once, as a machine that is taken away does.
kill -9 $(ps -o pid= -s "$run")
wait "$run" || true
holds killed 'rc["first light, PTX, cached"] == 0 and not any("ended" in r for r in lines)'
[ -s "$scratch/killed/log.txt" ]
reports killed 'cut short' 'first light, PTX, cached'

printf '\nrehearsed in %s s\n' $SECONDS

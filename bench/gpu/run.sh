#!/usr/bin/env bash
# Tests and measures gomine on a machine with an NVIDIA GPU and driver, without Go
# and without a CUDA toolkit. `make bundle` puts it together with all it needs.
# `make rehearse` tries it on the emulator; bench/results/gpu-* is what it has measured.
#
#	./run.sh OUT first     environment, first light, product, tests, speed, profile
#	./run.sh OUT second    first light, sanitizers, peers, speed again
#
# Stages run in the order of what they are worth, each within a budget of its own, and
# the whole within DEADLINE. OUT/results.jsonl gets one line of JSON the moment a stage
# ends, OUT/log.txt every line that a stage prints, with the stage before it,
# OUT/clocks.csv the clocks of the card, OUT/ncu-*.csv the profiles: at most 8 files.
# All of them are only ever appended to and nothing is put together at the end, so
# that whatever kills this run leaves the results up to then. report.py makes tables.
#
# Exit codes: 0 done, 1 something failed, 2 not started. Variables:
#
#	DEADLINE   seconds for everything (350)
#	SCALE      percent of the budgets of the stages (100)
#	TESTS      which tests (.), as a regular expression
#	CASES      which sizes are measured ("A B C D E F G H")
#	STEPS      training steps per call in all benchmarks, in place of each case's own
#	REPEATS    benchtime of all benchmarks, likewise, such as 1x
#	DOCTOR     further flags of `mine doctor`
#	ESTIMATE   further flags of `mine estimate`
#	REHEARSAL  1: the emulator may stand in for the GPU
#
# The settings of the card are never touched: no clocks, no power limit, no modes.
set -uo pipefail

usage() {
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
[ $# = 2 ] || usage
case $2 in first | second) part=$2 ;; *) usage ;; esac
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
cd "$(dirname "$0")" || exit 2
[ -x mine ] || { gzip -dc mine.gz > mine.new && chmod +x mine.new && mv mine.new mine; } || exit 2
results=$out/results.jsonl
log=$out/log.txt
if grep -qs "\"run\":\"$2\"" "$results"; then
	echo "run.sh: $1 has results of this part already: name another folder" >&2
	exit 2
fi
deadline=${DEADLINE:-350}
scale=${SCALE:-100}
cases=${CASES-A B C D E F G H}
until=$deadline # the end of the present group of stages, in seconds from the start

# quoted makes a JSON string of standard input. JSON is written by the shell because
# nothing else is sure to work here: Python may be missing, and `mine` does not start
# where the driver is broken, which is when a record matters most. What is not
# printable ASCII becomes a question mark, so that the string is always valid.
quoted() {
	LC_ALL=C tr -c '\11\12\40-\176' '?' |
		LC_ALL=C sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' |
		awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }'
}

# append LINE: in a single write, so that lines of stages that run side by side do not
# mix and a kill does not cut one.
append() { cat >> "$results" <<< "$1"; }

now() { date -u +%FT%TZ; }
scaled() { local s=$(($1 * scale / 100)) && echo $((s < 2 ? 2 : s)); }

# skip NAME REASON: the record of a stage that is not run.
skip() {
	append "{\"stage\":$(quoted <<< "$1"),\"rc\":null,\"skipped\":$(quoted <<< "$2"),\"began\":\"$(now)\"}"
	printf '[%3d s] %-32s skipped: %s\n' $SECONDS "$1" "$2"
}

# group BUDGET: the stages up to the next group share it.
group() {
	until=$((SECONDS + $(scaled "$1")))
	[ $until -le "$deadline" ] || until=$deadline
}

# stage NAME BUDGET COMMAND..: runs it for at most that many seconds, records it and
# returns its exit code: 124 or 137 where it took longer. A process that even SIGKILL does
# not end, as happens inside a broken driver, holds up nothing: only timeout is
# waited for, and what writes the log for two seconds more.
stage() {
	local name=$1 budget left=$((until - SECONDS)) rc began pipe writer tail
	budget=$(scaled "$2")
	shift 2
	if [ $left -lt 3 ]; then
		skip "$name" "no time left"
		return 0
	fi
	[ "$budget" -le $left ] || budget=$left
	began=$(now)
	exec {pipe}> >(exec sed -u "s|^|$name: |" >> "$log")
	writer=$!
	local start=$EPOCHREALTIME
	timeout -k 5 "$budget" "$@" < /dev/null >&$pipe 2>&1
	rc=$?
	exec {pipe}>&-
	local seconds
	seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
	for _ in {1..40}; do
		kill -0 "$writer" 2> /dev/null || break
		sleep 0.05
	done
	# The end of what it printed, without what Go's tests say when all is well.
	tail=$(grep -a "^$name: " "$log" | cut -c $((${#name} + 3))- |
		grep -avE '^ *(=== (RUN|PAUSE|CONT|NAME)|--- PASS)' | tail -n 40 | tail -c 4000 | quoted)
	append "{\"stage\":$(quoted <<< "$name"),\"rc\":$rc,\"seconds\":$seconds,\"began\":\"$began\",\"budget\":$budget,\"tail\":$tail}"
	printf '[%3d s] %-32s rc %d in %s s\n' $SECONDS "$name" $rc "$seconds"
	return $rc
}

# without reads a list of words and says why a stage cannot run, or nothing.
without() {
	local program
	for program; do
		command -v "$program" > /dev/null || echo "no $program here"
	done | head -n 1
}

# find_driver extends LD_LIBRARY_PATH by where the driver's library is, if the loader
# does not know by itself (what `ldconfig -p` lists it does), and refuses the emulator.
find_driver() {
	local folder found
	for folder in /usr/local/nvidia/lib64 "/usr/lib/$(uname -m)-linux-gnu" /usr/lib64; do
		ldd ./mine | grep -q 'libcuda\.so\.1 => /' && break
		[ -e "$folder/libcuda.so.1" ] && export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
	done
	found=$(ldd ./mine | sed -n 's/.*libcuda\.so\.1 => \(.*\) (.*/\1/p')
	if [ -z "$found" ] || [ ! -e "$found" ]; then
		echo "run.sh: no libcuda.so.1, which comes with NVIDIA's driver" >&2
		exit 2
	fi
	if [ "${REHEARSAL:-}" != 1 ] && grep -aq 'gomine emulator' "$found"; then
		echo "run.sh: $found is the emulator, not a GPU; REHEARSAL=1 takes it all the same" >&2
		exit 2
	fi
}

# start writes what this run is, and has the clocks logged, which also keeps the
# driver from shutting the card down between two processes.
start() {
	local device driver
	IFS=, read -r device driver arch < <(timeout -k 2 10 nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader 2> /dev/null)
	driver=${driver# } arch=$(tr -d '. ' <<< "$arch")
	append "{\"run\":\"$part\",\"began\":\"$(now)\",\"device\":$(quoted <<< "$device"),\"driver\":$(quoted <<< "$driver"),\"arch\":$(quoted <<< "$arch"),\"bundle\":$(quoted < version),\"deadline\":$deadline,\"scale\":$scale}"
	python3 -c pass 2> /dev/null && python=python3 || python=
	# A compiler's cache that is empty, and large enough for all kernels.
	scratch=$(mktemp -d)
	export CUDA_CACHE_PATH=$scratch/cache CUDA_CACHE_MAXSIZE=4294967296
	[ -w "${HOME:-/nowhere}" ] || export HOME=$scratch
	trap 'rm -rf "$scratch"; [ -z "${clocks:-}" ] || kill "$clocks" 2> /dev/null' EXIT
	if [ -z "$(without nvidia-smi)" ]; then
		nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu,utilization.gpu,memory.used \
			--format=csv -lms 250 >> "$out/clocks.csv" 2>&1 &
		clocks=$!
	fi
}

# The budgets of the groups add up to the deadline: 20 + 70 + 50 + 100 + 80 + 30 seconds in
# the first part, 70 + 50 + 170 + 60 in the second.
environment() {
	group 20
	stage environment 10 bash -c '
		nvidia-smi -q; uname -a; nproc; free -m; head -n 4 /etc/os-release; ldd --version | head -n 1
		ldd ./mine; ldconfig -p | grep -E "libcuda|ptxjit"; lscpu | grep -E "Model name|avx512f" | cut -c 1-80
		nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv
		true'
	if [ -z "$python" ]; then
		skip ceilings "no python3 here"
	else
		stage ceilings 25 python3 peers.py --ceilings --out "$results"
	fi
}

# first_light: the smallest tests that decide whether index arithmetic and fragment
# layouts are right. Cold less warm is what the driver's compiler takes.
first_light() {
	local light=(./cuda.test -test.run '^Test(Shapes|Padding|BatchAgrees)$' -test.v)
	group 70
	stage "first light, PTX, no cache" 50 "${light[@]}"
	stage "first light, PTX, cached" 30 "${light[@]}"
	# The driver cannot load the PTX: on with the compiled kernels, whatever they show.
	grep -aE '^first light, PTX, cached: .*kernels .* on .*, sm_' "$log" > /dev/null && [ -d "cubins/sm_$arch" ] &&
		export GOMINE_KERNELS=$PWD/cubins/sm_$arch
	if [ -z "$arch" ] || [ ! -d "cubins/sm_$arch" ]; then
		skip "first light, cubins" "no cubins for sm_${arch:-?}"
	else
		stage "first light, cubins" 30 env "GOMINE_KERNELS=$PWD/cubins/sm_$arch" "${light[@]}"
	fi
}

# field NAME: that number of the JSON on standard input, the first one of that name: the
# result's own stand before those of its folds and critics.
field() { grep -oE "\"$1\":-?[0-9][0-9.e+-]*" | head -n 1 | cut -d : -f 2; }

# product estimates the same with the same seed on the GPU and on the processor. They
# sum in different orders, so the trainings part in the last digits and end in
# different weights: agreement is by the standard errors of the two.
product() {
	local backend answer began rc
	group 50
	# The variables hold flags, none of which has spaces.
	# shellcheck disable=SC2086
	stage "doctor" 30 ./mine doctor --backend cuda ${DOCTOR:-}
	local -A value error seconds
	for backend in cuda cpu; do
		began=$EPOCHREALTIME
		# shellcheck disable=SC2086
		stage "estimate on $backend" 45 ./mine estimate diamonds.csv --x carat,length_mm,width_mm,height_mm,table_pct --z price_usd \
			--backend $backend --seed 1 --json ${ESTIMATE:-}
		seconds[$backend]=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
		answer=$(grep -a "^estimate on $backend: {" "$log" | tail -n 1)
		value[$backend]=$(field estimate <<< "$answer")
		error[$backend]=$(field std_err <<< "$answer")
	done
	if [ -z "${value[cuda]}" ] || [ -z "${value[cpu]}" ] || [ -z "${error[cuda]}" ] || [ -z "${error[cpu]}" ]; then
		skip agreement "no two estimates"
		return
	fi
	awk -v a="${value[cuda]}" -v b="${value[cpu]}" -v e="${error[cuda]}" -v f="${error[cpu]}" \
		'BEGIN { exit !((a - b) ^ 2 <= 16 * (e ^ 2 + f ^ 2)) }'
	rc=$?
	append "{\"stage\":\"agreement\",\"rc\":$rc,\"began\":\"$(now)\",\"seconds\":0,\"cuda\":${value[cuda]},\"cpu\":${value[cpu]},\"cuda_std_err\":${error[cuda]},\"cpu_std_err\":${error[cpu]},\"cuda_seconds\":${seconds[cuda]},\"cpu_seconds\":${seconds[cpu]}}"
}

# try TEST: in a process of its own, since a fault of the device takes the process
# with it. A failure is looked at twice more: with every launch synchronised, which
# names the kernel, and by memcheck, which names the access.
try() {
	local run=(./cuda.test -test.run "^$1\$" -test.v) rc
	stage "test $1" 60 "${run[@]}" && return
	rc=$?
	stage "synchronous $1" 45 env GOMINE_CUDA_SYNC=1 "${run[@]}"
	[ $rc != 124 ] && [ $rc != 137 ] || return # memcheck would take longer still
	if [ -n "$(without compute-sanitizer)" ]; then
		skip "memcheck $1" "$(without compute-sanitizer)"
	else
		stage "memcheck $1" 45 compute-sanitizer --tool memcheck --error-exitcode 1 "${run[@]}"
	fi
}

correctness() {
	local tests running=0 name others=()
	tests=$(timeout -k 2 20 ./cuda.test -test.list "${TESTS:-.}" | grep '^Test')
	if [ -z "$tests" ]; then
		append "{\"stage\":\"tests\",\"rc\":1,\"seconds\":0,\"began\":\"$(now)\",\"tail\":\"cuda.test lists no tests\"}"
		return
	fi
	group 100
	for name in $tests; do
		if [ $running -ge 4 ]; then
			wait -n
			running=$((running - 1))
		fi
		try "$name" &
		others+=($!)
		running=$((running + 1))
	done
	wait "${others[@]}"
}

# measure NAME CASE: the speed of training at one of the sizes, in every precision.
# Small steps are made 64 a call, large ones 16, so that no size takes more than about
# ten seconds on the slowest card that we think of.
measure() {
	local size repeats steps=64 budget
	case $2 in
	A) size=d=2/h=64/l=2/batch=256 repeats=200x budget=10 ;;
	B) size=d=40/h=128/l=2/batch=4096 repeats=200x budget=10 ;;
	C) size=d=10/h=64/l=2/batch=512 repeats=200x budget=10 ;;
	D) size=d=40/h=128/l=2/batch=512 repeats=200x budget=10 ;;
	E) size=d=256/h=512/l=2/batch=8192 repeats=20x budget=15 ;;
	F) size=d=1024/h=512/l=2/batch=16384 repeats=20x steps=16 budget=20 ;;
	G) size=d=1024/h=1024/l=3/batch=65536 repeats=4x steps=16 budget=30 ;;
	H) size=d=4096/h=1024/l=1/batch=65536 repeats=4x steps=16 budget=30 ;;
	*) skip "$1 $2" "no such case" && return ;;
	esac
	stage "$1 $2" $budget ./cuda.test -test.run '^$' -test.bench "TrainStep/backend=cuda/precision=.*/$size/" \
		-test.benchtime "${REPEATS:-$repeats}" -steps "${STEPS:-$steps}"
}

speed() {
	local name
	group 80
	for name in $cases; do measure speed "$name"; done
}

speed_again() {
	local name
	group 60
	for name in $cases; do
		case $name in A | E | G) measure "speed again" "$name" ;; esac
	done
}

sanitizers() {
	local tool started=()
	group 50
	for tool in memcheck racecheck synccheck initcheck; do
		if [ -n "$(without compute-sanitizer)" ]; then
			skip "sanitizer $tool" "$(without compute-sanitizer)"
		elif ! timeout -k 2 20 ./cuda.test -test.list '^TestOnce$' | grep -q TestOnce; then
			skip "sanitizer $tool" "no TestOnce"
		else
			stage "sanitizer $tool" 90 compute-sanitizer --tool "$tool" --error-exitcode 1 ./cuda.test -test.run '^TestOnce$' -test.v &
			started+=($!)
		fi
	done
	[ ${#started[@]} = 0 ] || wait "${started[@]}"
}

# profile reads the counters of the kernels of one step; those of a graph count one by
# one. The clocks are left as they are, which ncu does not do by itself.
profile() {
	local case size
	group 30
	for case in A B E G; do
		case $case in A) size=d=2/h=64 ;; B) size=d=40/h=128 ;; E) size=d=256/h=512 ;; G) size=d=1024/h=1024 ;; esac
		if [[ " $cases " != *" $case "* ]]; then
			continue
		elif [ -n "$(without ncu)" ]; then
			skip "profile $case" "$(without ncu)"
		else
			stage "profile $case" 25 ncu --clock-control none --csv --page raw --log-file "$out/ncu-$case.csv" -c 25 \
				--section LaunchStats --section Occupancy --section SpeedOfLight --section MemoryWorkloadAnalysis --section WarpStateStats \
				./cuda.test -test.run '^$' -test.bench "TrainStep/backend=cuda/precision=tf32/$size/" -test.benchtime 1x -steps 1
		fi
	done
}

peers() {
	group 170
	if [ -z "$python" ]; then
		skip peers "no python3 here"
	else
		stage peers 180 python3 -u peers.py --out "$results" --cases "${cases// /,}"
	fi
}

find_driver
start
if [ "$part" = first ]; then
	environment
	first_light
	product
	correctness
	speed
	profile
else
	first_light
	sanitizers
	peers
	speed_again
fi
append "{\"run\":\"$part\",\"ended\":\"$(now)\",\"seconds\":$SECONDS}"
[ -z "$python" ] || timeout 10 python3 report.py "$results"
! grep -qE '"rc":[1-9]' "$results"

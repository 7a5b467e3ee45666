#!/usr/bin/env python3
"""Markdown tables of what run.sh measured: report.py results.jsonl..

The speeds of several runs on a device go together: those of the first call with the
peers of the second, and a later one in place of an earlier. A line that a kill has
cut is left out and counted. Standard library only.
"""

import json
import re
import sys


def read(paths):
    """Returns the records of the files, in order, and the number of broken lines."""
    records, broken = [], 0
    for path in paths:
        for line in open(path, encoding="utf-8", errors="replace"):
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if isinstance(record, dict):
                records.append(record)
            else:
                broken += 1
    return records, broken


def table(head, rows, right=()):
    """A Markdown table; the columns named in right are aligned to the right."""
    print("| " + " | ".join(head) + " |")
    print("|" + "|".join("--:" if h in right else "---" for h in head) + "|")
    for row in rows:
        print("| " + " | ".join("" if cell is None else str(cell).replace("|", "\\|") for cell in row) + " |")
    print()


def title(text):
    print(f"#### {text}\n")


def outcome(stage):
    """One word or two on how a stage ended."""
    if stage.get("skipped"):
        return f"skipped: {stage['skipped']}"
    code = stage["rc"]
    return {0: "passed", 124: f"stopped after {stage.get('budget')} s", 137: f"killed after {stage.get('budget')} s"}.get(code, f"failed ({code})")


def number(value):
    """Three significant digits."""
    if value is None:
        return None
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def split(records):
    """Returns the runs: lists of records that begin with the line of a run."""
    runs = []
    for r in records:
        if "run" in r and "began" in r or not runs:
            runs.append([])
        runs[-1].append(r)
    return runs


def overview(runs):
    rows = []
    for run in runs:
        head, end = run[0], next((r for r in run if "ended" in r), None)
        rows.append([*(head.get(key) for key in ["run", "driver", "began", "bundle"]), f"{end['seconds']} s" if end else "cut short"])
    table(["run", "driver", "began", "version", "took"], rows)
    ceilings = [r for run in runs for r in run if "ceiling" in r and "skipped" not in r]
    if ceilings:
        table(["ceiling, by PyTorch", "measured"], [
            [r["ceiling"], f"{number(r['tb_per_second'])} TB/s" if "tb_per_second" in r else f"{number(r['tflop_per_second'])} TFLOP/s"]
            for r in ceilings])


def product(stages, which):
    wanted = [s for s in stages if s["stage"] == "environment" or s["stage"].startswith(("first light", "doctor", "estimate", "agreement"))]
    if not wanted:
        return
    title("First light and product" + which)
    table(["stage", "outcome", "seconds"], [[s["stage"], outcome(s), s.get("seconds")] for s in wanted], right=["seconds"])
    seconds = {s["stage"]: s["seconds"] for s in wanted if s.get("rc") == 0}
    cold, warm = seconds.get("first light, PTX, no cache"), seconds.get("first light, PTX, cached")
    if cold and warm:
        print(f"The driver takes {max(cold - warm, 0):.1f} s to compile the kernels: the first light without a cache less that with one.\n")
    for s in wanted:
        if s["stage"] == "doctor" and s.get("tail"):
            print(f"```\n{s['tail'].rstrip()}\n```\n")
        if "cuda" in s:
            print(f"Same data, same seed: {s['cuda']:.4f} ± {s['cuda_std_err']:.4f} on the GPU in {s['cuda_seconds']} s, "
                  f"{s['cpu']:.4f} ± {s['cpu_std_err']:.4f} on the processor in {s['cpu_seconds']} s.\n")


def tests(stages, which):
    found = [s for s in stages if s["stage"] == "tests" or s["stage"].startswith("test ")]
    if not found:
        return
    title("Tests" + which)
    counts = {}
    for s in found:
        word = "failed" if s["rc"] else "skipped" if skipped_itself(s) or "skipped" in s else "passed"
        counts[word] = counts.get(word, 0) + 1
    print(", ".join(f"{counts.get(word, 0)} {word}" for word in ["passed", "failed", "skipped"]) + ".\n")
    again = {s["stage"]: outcome(s) for s in stages}
    rows = []
    for s in found:
        if s["rc"] == 0 and not skipped_itself(s):
            continue
        test = s["stage"].removeprefix("test ")
        rows.append([test, "skips itself" if skipped_itself(s) else outcome(s), again.get(f"synchronous {test}"), again.get(f"memcheck {test}"), first_failure(s)])
    if rows:
        table(["test", "outcome", "synchronous", "memcheck", "says"], rows)


def skipped_itself(stage):
    """Whether a test said that it is not for this machine, as those for the emulator do."""
    return stage["rc"] == 0 and re.search(r"^--- SKIP", stage.get("tail") or "", re.M)


def first_failure(stage):
    """The first line of a test's output that says what is wrong."""
    for line in (stage.get("tail") or "").splitlines():
        if re.search(r"\.go:\d+:|panic:|FAIL|rror", line):
            return line.strip()[:160]
    return None


def benchmarks(stages):
    """Returns {(case, precision): metrics} of the speed stages, and of those after the peers.
    A later run replaces an earlier one."""
    speeds = {"speed": {}, "speed again": {}}
    for s in stages:
        found = re.fullmatch(r"(speed|speed again) \w+", s["stage"])
        if not found:
            continue
        for line in (s.get("tail") or "").splitlines():
            name = re.match(r"BenchmarkTrainStep/backend=cuda/precision=([^/]+)/(.*?)/f=\S*\s+\d+\s+(.*)", line)
            if name:
                fields = name[3].split()
                speeds[found[1]][name[2], name[1]] = dict(zip(fields[1::2], map(float, fields[::2])))
    return speeds["speed"], speeds["speed again"]


def speed(stages, peers):
    """A row for each size and precision: ours, the peers at that precision, and the ratio to
    the fastest of them. There is no 3xTF32 elsewhere: it stands beside their FP32."""
    first, again = benchmarks(stages)
    answers = {(p["case"], p["precision"], p["peer"]): p for p in peers if "precision" in p}
    names = list(dict.fromkeys(name for _, _, name in answers))
    own = {**again, **first}
    order = ["fp32", "3xtf32", "tf32", "bf16"]
    keys = list(dict.fromkeys([*own, *((case, precision) for case, precision, _ in answers)]))
    cases = list(dict.fromkeys(case for case, _ in keys))
    keys.sort(key=lambda key: (cases.index(key[0]), order.index(key[1])))
    if not keys:
        return
    title("Training steps per second")
    rows = []
    for case, precision in keys:
        theirs = [answers.get((case, "fp32" if precision == "3xtf32" else precision, name), {}) for name in names]
        best = max((p["steps_per_second"] for p in theirs if "steps_per_second" in p), default=None)
        ours = own.get((case, precision), {}).get("steps/s")
        rows.append([
            f"`{case}`", precision, *(number(m.get((case, precision), {}).get("steps/s")) for m in (first, again)),
            *("failed" if "error" in p else f"{number(p['steps_per_second'])} ± {number(p['half_range'])}" if p else None for p in theirs),
            number(ours / best) if ours and best else None])
    head = ["case", "precision", "gomine", "after the peers", *names, "ratio"]
    table(head, rows, right=head[2:])
    marks = list(dict.fromkeys(checks(own, peers)))
    for mark in marks:
        print(f"- {mark}")
    if marks:
        print()


# Between what the relative error of a product of 512 x 512 normal numbers lies: below it is a
# higher precision than it was asked for, above it a lower one. The unit roundoffs are
# 2^-24, 2^-11 and 2^-8, an error of rounding the operands about half of it; BF16 also
# rounds the result.
ERRORS = {"fp32": (0, 5e-6), "tf32": (5e-5, 1e-3), "bf16": (5e-4, 1e-2)}


def checks(own, peers):
    """Yields what makes a comparison unequal, or a configuration fail."""
    for p in peers:
        what = " ".join(str(p.get(key, "")) for key in ["peer", "precision", "case"]).strip()
        if "skipped" in p or "error" in p:
            yield f"{what}: {p.get('skipped') or p['error']}"
            continue
        low, high = ERRORS[p["precision"]]
        if not low <= p["product_error"] <= high:
            yield f"{what}: products err by {p['product_error']:.1e}, which is not {p['precision']}"
        for (case, precision), metrics in own.items():
            if case == p["case"] and metrics.get("params") not in (None, p["parameters"]):
                yield f"{what}: {p['parameters']} parameters, gomine {precision} has {metrics['params']:.0f}"


def others(stages, which):
    rows = [[s["stage"], outcome(s), s.get("seconds")] for s in stages if s["stage"].startswith(("sanitizer", "profile"))]
    if rows:
        title("Sanitizers and profiles" + which)
        table(["stage", "outcome", "seconds"], rows, right=["seconds"])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    records, broken = read(sys.argv[1:])
    devices = {}
    for run in split(records):
        devices.setdefault(run[0].get("device") or "unknown device", []).append(run)
    for device, runs in devices.items():
        print(f"### {device}\n")
        overview(runs)
        for run in runs:
            stages = [r for r in run if "stage" in r]
            which = f" ({run[0].get('run')}, {run[0].get('began')})"
            product(stages, which)
            tests(stages, which)
            others(stages, which)
        records = [r for run in runs for r in run]
        speed([r for r in records if "stage" in r], [r for r in records if "peer" in r])
    if broken:
        print(f"Lines that are broken and left out: {broken}.")


main()

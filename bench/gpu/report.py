"""Markdown tables of what run.sh measured: report.py results.jsonl..

The lines of several runs go together: first and second, or the same on another day. A
line that a kill has cut is left out and counted. Standard library only.
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
    print(f"### {text}\n")


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


def runs(records):
    title("Runs")
    rows = []
    ended = [r for r in records if "ended" in r]
    for r in records:
        if "run" not in r or "began" not in r:
            continue
        end = next((e for e in ended if e["run"] == r["run"] and e["ended"] >= r["began"]), None)
        rows.append([r["run"], r["device"], r["driver"], r["began"], r["bundle"], f"{end['seconds']} s" if end else "cut short"])
    table(["run", "device", "driver", "began", "version", "took"], rows)
    ceilings = [r for r in records if "ceiling" in r and "skipped" not in r]
    if ceilings:
        table(["ceiling, by PyTorch", "measured"], [
            [r["ceiling"], f"{number(r['tb_per_second'])} TB/s" if "tb_per_second" in r else f"{number(r['tflop_per_second'])} TFLOP/s"]
            for r in ceilings])


def product(stages):
    wanted = [s for s in stages if s["stage"] == "environment" or s["stage"].startswith(("first light", "doctor", "estimate", "agreement"))]
    if not wanted:
        return
    title("First light and product")
    table(["stage", "outcome", "seconds"], [[s["stage"], outcome(s), s.get("seconds")] for s in wanted], right=["seconds"])
    seconds = {s["stage"]: s["seconds"] for s in wanted if s.get("rc") == 0}
    cold, warm = seconds.get("first light, PTX, no cache"), seconds.get("first light, PTX, cached")
    if cold and warm:
        print(f"The driver takes {max(cold - warm, 0):.1f} s to compile the kernels: the first light without a cache less that with one.\n")
    for s in wanted:
        if "cuda" in s:
            print(f"Same data, same seed: {s['cuda']:.4f} ± {s['cuda_std_err']:.4f} on the GPU in {s['cuda_seconds']} s, "
                  f"{s['cpu']:.4f} ± {s['cpu_std_err']:.4f} on the processor in {s['cpu_seconds']} s.\n")


def tests(stages):
    found = [s for s in stages if s["stage"] == "tests" or s["stage"].startswith("test ")]
    if not found:
        return
    title("Tests")
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
    """Returns {case: {precision: metrics}} of the first measurement, and of the one after the peers."""
    speeds = {"speed": {}, "speed again": {}}
    for s in stages:
        found = re.fullmatch(r"(speed|speed again) \w+", s["stage"])
        if not found:
            continue
        for line in (s.get("tail") or "").splitlines():
            name = re.match(r"BenchmarkTrainStep/backend=cuda/precision=([^/]+)/(.*?)/f=\S*\s+\d+\s+(.*)", line)
            if name:
                fields = name[3].split()
                metrics = dict(zip(fields[1::2], map(float, fields[::2])))
                speeds[found[1]].setdefault(name[2], {})[name[1]] = metrics
    return speeds["speed"], speeds["speed again"]


def speed(stages, peers):
    first, again = benchmarks(stages)
    cases = list(dict.fromkeys([*first, *again, *(p["case"] for p in peers if "case" in p)]))
    if not cases:
        return
    title("Training steps per second")
    own = list(dict.fromkeys(p for m in [*first.values(), *again.values()] for p in m))
    kinds = list(dict.fromkeys((p["peer"], p["precision"]) for p in peers if "precision" in p))
    answers = {(p["peer"], p["precision"], p["case"]): p for p in peers if "precision" in p}
    rows, marks = [], []
    for case in cases:
        row = [f"`{case}`"]
        for precision in own:
            row.append(number((first.get(case) or again.get(case) or {}).get(precision, {}).get("steps/s")))
        for kind in kinds:
            p = answers.get((*kind, case), {})
            row.append("failed" if "error" in p else f"{number(p['steps_per_second'])} ± {number(p['half_range'])}" if "steps_per_second" in p else None)
        rows.append(row)
    head = ["case", *(f"gomine {p}" for p in own), *(f"{peer} {precision}" for peer, precision in kinds)]
    table(head, rows, right=head[1:])
    ratios(cases, own, first or again, peers)
    checks(first or again, peers, marks)
    for mark in dict.fromkeys(marks):
        print(f"- {mark}")
    if marks:
        print()
    rows = [[f"`{case}`", p, number(first.get(case, {}).get(p, {}).get("steps/s")), number(m["steps/s"])] for case in again for p, m in again[case].items()]
    if rows and first:
        title("The same after the peers")
        table(["case", "precision", "first", "again"], rows, right=["first", "again"])


def ratios(cases, own, measured, peers):
    """Ours by the best of the peers at the same precision; 3xTF32 is held against FP32."""
    rows = []
    for case in cases:
        row = [f"`{case}`"]
        for precision in own:
            ours = measured.get(case, {}).get(precision, {}).get("steps/s")
            against = "fp32" if precision == "3xtf32" else precision
            best = max((p["steps_per_second"], p["peer"]) for p in peers + [{"steps_per_second": 0, "peer": ""}]
                       if p.get("case", case) == case and p.get("precision", against) == against and "steps_per_second" in p)
            row.append(f"{ours / best[0]:.2f} ({best[1]})" if ours and best[0] else None)
        rows.append(row)
    if any(cell for row in rows for cell in row[1:]):
        print("By the fastest peer at the same precision, 3xTF32 by FP32:\n")
        head = ["case", *(f"gomine {p}" for p in own)]
        table(head, rows, right=head[1:])


# The largest relative error of a product of 512 x 512 normal numbers that each precision
# should show, and the smallest that one without tensor cores would.
ERRORS = {"fp32": (0, 5e-6), "tf32": (5e-5, 1e-3), "bf16": (5e-4, 1e-2)}


def checks(measured, peers, marks):
    """What makes a comparison unequal, or a configuration fail, is said."""
    for p in peers:
        what = " ".join(str(p.get(key, "")) for key in ["peer", "precision", "case"]).strip()
        if "skipped" in p or "error" in p:
            marks.append(f"{what}: {p.get('skipped') or p['error']}")
            continue
        low, high = ERRORS[p["precision"]]
        if not low <= p["product_error"] <= high:
            marks.append(f"{what}: products err by {p['product_error']:.1e}, which is not {p['precision']}")
        for precision, metrics in measured.get(p["case"], {}).items():
            if metrics.get("params") not in (None, p["parameters"]):
                marks.append(f"{what}: {p['parameters']} parameters, gomine {precision} has {metrics['params']:.0f}")


def others(stages):
    rows = [[s["stage"], outcome(s), s.get("seconds")] for s in stages if s["stage"].startswith(("sanitizer", "profile"))]
    if rows:
        title("Sanitizers and profiles")
        table(["stage", "outcome", "seconds"], rows, right=["seconds"])


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    records, broken = read(sys.argv[1:])
    stages = [r for r in records if "stage" in r]
    peers = [r for r in records if "peer" in r]
    runs(records)
    product(stages)
    tests(stages)
    speed(stages, peers)
    others(stages)
    if broken:
        print(f"{broken} broken lines were left out.")


main()

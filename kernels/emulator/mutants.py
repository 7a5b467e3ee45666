"""Mutation check of the kernels' tests: every barrier, guard and wait must matter.

usage: mutants.py DIR [FILE ..]

Deletes each __syncthreads(), replaces each inside(..) by true, and deletes each
wait_copies<..>() or lets it leave one more group on its way, in turn, in the sources
of this folder's parent, builds the emulator with that one change in DIR and runs
tests of package cuda against it, quick ones first. A mutant that passes them all has
survived: the tests do not notice. Exit code 1 if one survives that SPARED does not
explain.

GOMINE_MUTANTS_JOBS sets how many run at once, 2 by default.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading

KERNELS = pathlib.Path(__file__).resolve().parent.parent
ROOT = KERNELS.parent
JOBS = int(os.environ.get("GOMINE_MUTANTS_JOBS", "2"))

# Tests by how long they take.
STAGES = [
    "^Test(Shapes|Padding|ScoreParts|BatchAgrees|PairsAgree|EvaluationAgrees|EvaluateStretches|Orders)$/fp32|^TestObjective$",
    "^TestConformance(Tiled|Fused)$/^(scores|input_gradients|gradient|evaluate|marginal_pairs|clipping|index|step)$",
    "^TestConformance(Tiled|Fused)$|^TestOrders$",
]

# Mutants that change nothing, by file and the text of their line: why.
SPARED = {
    ("reduce.cuh", "__syncthreads(); // before space is used again"):
        "the callers' next use of the space is behind another barrier, or there is none",
    ("feed.cuh", "const int at = first + Base::row(i), row = inside(at, o.width) ? (o.rows != nullptr ? o.rows[at] : at) : 0;"):
        "the row's products are not stored: only memory beyond the index or the matrix is read, which AddressSanitizer finds",
    ("operands.cuh", "const bool valid = inside(k, depths) && inside(column, width);"):
        "columns beyond the width are not stored: only memory beyond the matrix is read, which AddressSanitizer finds",
    ("top.cu", "const bool here = inside(j, width) && share.group < share.groups;"):
        "columns beyond the width are not stored: only memory beyond the matrix is read, which AddressSanitizer finds",
    ("fused_adam.cu", "const bool here = inside(e, size);"):
        "memory beyond the partial sums is read and beyond the parameters written, which AddressSanitizer finds",
    ("feed.cuh", "column = o.p + (inside(first + at, o.width) ? first + at : 0);"):
        "columns beyond the width are not stored: only memory beyond the matrix is read, which AddressSanitizer finds",
    ("feed.cuh", "for (int i = 0; i < times; ++i) index[i] = inside(k + step * i, depths) ? rows[k + step * i] : 0;"):
        "the row is looked up but not copied: only memory beyond the index is read, which AddressSanitizer finds",
}


def mutants(path):
    """Yields (line number, description, mutated source)."""
    source = path.read_text()
    for match in re.finditer(r"__syncthreads\(\);", source):
        line = source.count("\n", 0, match.start()) + 1
        yield line, "barrier deleted", source[:match.start()] + ";" + source[match.end():]
    for match in re.finditer(r"(?<!void )wait_copies<([^>]*)>\(\);", source):
        line = source.count("\n", 0, match.start()) + 1
        yield line, "wait deleted", source[:match.start()] + ";" + source[match.end():]
        later = f"wait_copies<({match.group(1)}) + 1>();"
        yield line, "waits for a group less", source[:match.start()] + later + source[match.end():]
    for match in re.finditer(r"(?<!bool )\binside\(", source):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(source[end], 0)
            end += 1
        line = source.count("\n", 0, match.start()) + 1
        text = source[match.start():end]
        if path.name == "device.cuh":
            continue  # its definition and what is said of it
        yield line, text + " is true", source[:match.start()] + "true" + source[end:]


class Worker:
    """A folder with a copy of the sources and the objects built from them."""

    def __init__(self, folder):
        self.folder, self.kernels = folder, folder / "kernels"
        shutil.rmtree(self.kernels, ignore_errors=True)
        self.kernels.mkdir(parents=True)
        for path in [*KERNELS.glob("*.cu"), *KERNELS.glob("*.cuh")]:
            shutil.copy2(path, self.kernels)

    def build(self):
        environment = os.environ | {"KERNELS": str(self.kernels)}
        return subprocess.run([KERNELS / "emulator/build.sh", self.folder / "build"], env=environment, capture_output=True, text=True)

    def try_mutant(self, tests, name, source):
        """Returns what noticed the mutant, or nothing."""
        target = self.kernels / name
        original = target.read_text()
        target.write_text(source)
        try:
            if self.build().returncode != 0:
                return "compiler"
            environment = os.environ | {"LD_LIBRARY_PATH": str(self.folder / "build")}
            for stage, pattern in enumerate(STAGES):
                command = [tests, "-test.run", pattern, "-test.failfast", "-test.timeout", "300s"]
                run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT / "cuda")
                if run.returncode != 0:
                    return f"stage {stage + 1}"
            return ""
        finally:
            target.write_text(original)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    tests = folder / "cuda.test"
    subprocess.run(["go", "test", "-c", "-tags", "cuda", "-o", tests, "./cuda"], cwd=ROOT, check=True)
    names = sys.argv[2:] or sorted(p.name for p in [*KERNELS.glob("*.cu"), *KERNELS.glob("*.cuh")])
    work = [(name, *mutant) for name in names for mutant in mutants(KERNELS / name)]
    local = threading.local()
    numbers = iter(range(JOBS))

    def start():
        local.worker = Worker(folder / f"worker{next(numbers)}")
        local.worker.build()

    def one(item):
        name, line, what, source = item
        noticed = local.worker.try_mutant(tests, name, source)
        text = (KERNELS / name).read_text().split("\n")[line - 1].strip()
        reason = SPARED.get((name, text))
        verdict = noticed or ("survived, as expected: " + reason if reason else "SURVIVED")
        print(f"{name}:{line}: {what}: {verdict}", flush=True)
        return bool(noticed or reason)

    with concurrent.futures.ThreadPoolExecutor(JOBS, initializer=start) as pool:
        good = list(pool.map(one, work))
    print(f"{len(good)} mutants, {good.count(False)} survived without a reason")
    sys.exit(0 if all(good) else 1)


main()

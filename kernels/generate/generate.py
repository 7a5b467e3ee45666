"""Compiles kernels/*.cu and writes what the rest of the project needs of them:

    kernels/ptx/NAME.ptx                      what the driver loads
    kernels/REPORT.md                         registers, occupancy, instruction mix
    cuda/internal/kernel/kernel.go            typed launch functions

usage: generate.py TOOLS, the folder that requirements.txt was unpacked into.
       generate.py TOOLS check: compile everything anew and compare with what is there
       generate.py TOOLS FILE: print the PTX of a file in the current folder
       generate.py TOOLS cubins FOLDER [ARCHITECTURE ..]: assemble the PTX that is there into
           FOLDER/sm_XX/NAME.cubin, for 80, 89 and 90 where none is named

NVRTC 12.0 writes PTX 8.0, which drivers since R525 load: for compute_70, or for
what a line "// arch: 80" in the source asks for. ptxas assembles it for every
architecture; a register that spills is an error, unless the kernel can't run there.

The first line of a PTX file is a hash of what it was made from: its source with
what that includes, the compiler and its options. A file whose hash is right is not
compiled again, for the compiler's output is not the same everywhere: the order of
some instructions, and a few copies of registers, depend on where things lie in
its memory. A check therefore compares the instructions of each kernel by kind.
"""

import collections
import concurrent.futures
import ctypes
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

KERNELS = pathlib.Path(__file__).resolve().parent.parent
ROOT = KERNELS.parent
ARCHITECTURES = [70, 75, 80, 86, 89, 90, 100, 120]
MAX_PTX = (8, 0)
# What share of a kernel's instructions may be others when it is compiled again:
# some ten times what was seen, 2 of 13,672.
TOLERANCE = 0.002
DISASSEMBLED = 90
# What machine code is made for by itself: A100, L4 and RTX 40, H100. Code for 8.0 runs
# on 8.6 too.
CUBINS = [80, 89, 90]

# Of an SM: registers, shared memory in bytes, of a block at most, threads,
# blocks. CUDA C++ Programming Guide, "Technical specifications per compute
# capability". A block takes 1 KiB more than it asks for from 8.0 on.
LIMITS = {
    70: (65536, 96 << 10, 96 << 10, 2048, 32),
    75: (65536, 64 << 10, 64 << 10, 1024, 16),
    80: (65536, 164 << 10, 163 << 10, 2048, 32),
    86: (65536, 100 << 10, 99 << 10, 1536, 16),
    89: (65536, 100 << 10, 99 << 10, 1536, 24),
    90: (65536, 228 << 10, 227 << 10, 2048, 32),
    100: (65536, 228 << 10, 227 << 10, 2048, 32),
    120: (65536, 100 << 10, 99 << 10, 1536, 24),
}

# Classes of SASS instructions by how their names begin.
CLASSES = {
    "FFMA": ("FFMA", "FMUL", "FADD"),
    "HMMA": ("HMMA",),
    "FP64": ("DFMA", "DMUL", "DADD", "DSETP"),
    "MUFU": ("MUFU",),
    "LDS": ("LDS",),
    "STS": ("STS",),
    "LDG": ("LDG",),
    "STG": ("STG",),
    "BAR": ("BAR",),
}

GO_TYPES = {
    "int": ("int", "driver.Int"),
    "unsigned long long": ("uint64", "driver.Uint64"),
    "float": ("float32", "driver.Float32"),
    "double": ("float64", "driver.Float64"),
}


class Kernel:
    """One kernel as its source declares it."""

    def __init__(self, comment, threads, name, arguments):
        self.comment, self.threads, self.name, self.arguments = comment, threads, name, arguments
        shared = re.search(r"dynamic shared: (\d+)\n?", comment + "\n")
        self.shared = int(shared.group(1)) if shared else 0

    @property
    def go_name(self):
        parts = []
        for part in self.name.split("_"):
            parts.append(part.upper() if re.fullmatch(r"nn|nt|tn|f32|tf32|tf32x3|bf16", part) else part.capitalize())
        return "".join(parts).replace("X3", "x3")


def parse(source):
    """Finds the kernels of a source and their arguments as (type, pointer, name)."""
    kernels = []
    pattern = re.compile(r"((?://[^\n]*\n)*)KERNEL\((\d+)[^)]*\) (\w+)\(([^)]*)\)")
    for comment, threads, name, arguments in pattern.findall(source):
        parsed = []
        for argument in arguments.split(","):
            kind, pointer, argument_name = re.fullmatch(r"\s*(?:const )?([a-z ]+?)\s*(\*?)\s*(\w+)", argument).groups()
            parsed.append((kind, bool(pointer), argument_name))
        lines = [re.sub(r"^// ?", "", line) for line in comment.strip().split("\n")]
        kernels.append(Kernel("\n".join(lines), int(threads), name, parsed))
    return kernels


class Compiler:
    """NVRTC."""

    def __init__(self, tools):
        self.library = ctypes.CDLL(os.path.join(".", tools, "nvidia/cuda_nvrtc/lib/libnvrtc.so.12"))

    def check(self, code):
        if code != 0:
            text = self.library.nvrtcGetErrorString
            text.restype = ctypes.c_char_p
            raise SystemExit(f"generate: NVRTC: {text(code).decode()}")

    def read(self, program, what):
        size = ctypes.c_size_t()
        self.check(getattr(self.library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
        text = ctypes.create_string_buffer(size.value)
        self.check(getattr(self.library, f"nvrtcGet{what}")(program, text))
        return text.value.decode()

    def compile(self, path):
        options = [option.encode() for option in compiler_options(path.read_text())]
        program = ctypes.c_void_p()
        self.check(self.library.nvrtcCreateProgram(ctypes.byref(program), path.read_bytes(), path.name.encode(), 0, None, None))
        failed = self.library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
        log = self.read(program, "ProgramLog").strip()
        if failed or log:
            raise SystemExit(f"generate: {path.name}:\n{log}")
        ptx = self.read(program, "PTX")
        version = tuple(map(int, re.search(r"^\.version (\d+)\.(\d+)", ptx, re.M).groups()))
        if version > MAX_PTX:
            raise SystemExit(f"generate: {path.name}: PTX {version}, drivers since R525 load {MAX_PTX} at most")
        return ptx.rstrip("\0")


def oldest(source):
    """The compute capability that a source asks for."""
    declared = re.search(r"^// arch: (\d+)$", source, re.M)
    return int(declared.group(1)) if declared else 70


def compiler_options(source):
    return ["-default-device", "--std=c++17", f"--gpu-architecture=compute_{oldest(source)}", "-I."]


def origin(path):
    """The first line of a source's PTX: a hash of all that it is made from."""
    found, queue = {}, [path]
    while queue:
        file = queue.pop()
        if file.name not in found:
            found[file.name] = text = file.read_text()
            queue += [file.with_name(name) for name in re.findall(r'^#include "(\w+\.cuh)"', text, re.M)]
    compiler = re.search(r"^nvidia-cuda-nvrtc-cu12==\S+", (KERNELS / "generate/requirements.txt").read_text(), re.M).group()
    parts = [compiler, *compiler_options(found[path.name])]
    for name in sorted(found):
        parts += [name, found[name]]
    return f"// Made from {hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}\n"


def compile_alone(tools, path):
    """Compiles a source in a process of its own: the compiler uses one processor."""
    command = [sys.executable, pathlib.Path(__file__).resolve(), tools, path.name]
    run = subprocess.run(command, capture_output=True, text=True, cwd=KERNELS)
    if run.returncode != 0:
        raise SystemExit(run.stderr.strip())
    return run.stdout


def census(ptx):
    """Returns {kernel: how often it has each kind of instruction}."""
    return {
        name: collections.Counter(re.findall(r"^\s+(?:@!?%p\d+ )?([a-z][\w.]*)", body, re.M))
        for name, body in re.findall(r"\.entry (\w+)\((.*?)^}", ptx, re.S | re.M)
    }


def compare(name, committed, compiled):
    """Fails unless the kernels of both are the same but for a few instructions."""
    old, new = census(committed), census(compiled)
    if old.keys() != new.keys():
        raise SystemExit(f"generate: ptx/{name}: kernels {sorted(old)}, the source has {sorted(new)}; remove the file and run make kernels")
    for kernel in old:
        differ = sum(((old[kernel] - new[kernel]) + (new[kernel] - old[kernel])).values())
        if differ > TOLERANCE * new[kernel].total():
            raise SystemExit(f"generate: ptx/{name}: {kernel}: {differ} of {new[kernel].total()} instructions are others when compiled anew")


def assemble(tools, ptx, architecture, folder):
    """Returns {kernel: (registers, static shared memory)}, and the instruction counts of DISASSEMBLED."""
    source, cubin = folder / "kernel.ptx", folder / "kernel.cubin"
    source.write_text(ptx)
    run = subprocess.run(
        [tools / "nvidia/cuda_nvcc/bin/ptxas", "-v", f"-arch=sm_{architecture}", source, "-o", cubin],
        capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"generate: ptxas for sm_{architecture}:\n{run.stderr}")
    found = {}
    for name, report in re.findall(r"Compiling entry function '(\w+)'(.*?)(?=Compiling entry function|\Z)", run.stderr, re.S):
        spilled = sum(map(int, re.findall(r"(\d+) bytes spill", report)))
        if spilled and fits(name, architecture):
            raise SystemExit(f"generate: {name} spills registers on sm_{architecture}:\n{report}")
        registers = int(re.search(r"Used (\d+) registers", report).group(1))
        shared = re.search(r"(\d+) bytes smem", report)
        found[name] = (registers, int(shared.group(1)) if shared else 0)
    if architecture != DISASSEMBLED:
        return found
    listing = subprocess.run([tools / "nvidia/cu13/bin/nvdisasm", "-c", cubin], capture_output=True, text=True, check=True).stdout
    for name in found:
        body = re.search(rf"^\.text\.{name}:\n(.*?)(?=^\s*\.section|\Z)", listing, re.S | re.M).group(1)
        counts = collections.Counter()
        for instruction in re.findall(r"^\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+ )?([A-Z0-9]+)", body, re.M):
            counts["all"] += instruction != "NOP"
            for kind, beginnings in CLASSES.items():
                counts[kind] += instruction.startswith(beginnings)
        found[name] += (counts,)
    return found


def cubins(tools, folder, architectures):
    """Assembles the committed PTX for some architectures; what else lies there is removed."""

    def one(job):
        architecture, path = job
        ptx = KERNELS / "ptx" / (path.stem + ".ptx")
        if not (ptx.exists() and ptx.read_text().startswith(origin(path))):
            raise SystemExit(f"generate: ptx/{ptx.name} is not made from {path.name} as it is: run make kernels")
        out = folder / f"sm_{architecture}" / (path.stem + ".cubin")
        subprocess.run([tools / "nvidia/cuda_nvcc/bin/ptxas", f"-arch=sm_{architecture}", ptx, "-o", out], check=True)

    shutil.rmtree(folder, ignore_errors=True)
    for architecture in architectures:
        (folder / f"sm_{architecture}").mkdir(parents=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, [(a, path) for a in architectures for path in sorted(KERNELS.glob("*.cu"))]))


def occupancy(architecture, threads, registers, shared):
    """Blocks per SM; 0 if one does not fit."""
    all_registers, all_shared, block_shared, all_threads, blocks = LIMITS[architecture]
    if shared > block_shared:
        return 0
    warps = (threads + 31) // 32
    by_registers = all_registers // ((registers + 7) // 8 * 8 * 32) // warps  # in units of 256 per warp
    reserved = 1024 if architecture >= 80 else 0
    by_shared = all_shared // max(1, shared + reserved) if shared + reserved else blocks
    return min(blocks, all_threads // (warps * 32), by_registers, by_shared)


def fused_shared(name, layers=2):
    """The dynamic shared memory of a fused kernel: fused_floats in fused.cuh."""
    rows, width = map(int, re.match(r"fused_r(\d+)_w(\d+)_", name).groups())
    return 4 * (layers + 3) * 2 * rows * (width + 4)


def fits(name, architecture):
    """Whether the shared memory of an architecture is enough for a kernel, if it is a fused one."""
    return not name.startswith("fused_r") or fused_shared(name, 1) <= LIMITS[architecture][2]


def report(kernels, results):
    lines = [
        "# What the assembler says of the kernels",
        "",
        "Written by `make kernels`: ptxas 12.9 on the committed PTX, the instructions of sm_90 as nvdisasm lists them.",
        "None of this is a measurement; those are in bench/README.md. No register is spilled on any architecture that has the shared memory.",
        "",
        "Registers per thread and blocks that fit an SM at once, `registers/blocks`, by architecture. Dynamic shared memory is counted in,",
        "that of the fused kernels for two layers. `-` is an architecture without the instructions, 0 one whose shared memory is too small.",
        "",
        "| kernel | threads | shared bytes | " + " | ".join(f"sm_{a}" for a in ARCHITECTURES) + " |",
        "|---|--:|--:|" + "--:|" * len(ARCHITECTURES),
    ]
    mix = [
        "",
        "Instructions of each kernel on sm_90, counted once however often they run:",
        "",
        "| kernel | all | " + " | ".join(CLASSES) + " |",
        "|---|--:|" + "--:|" * len(CLASSES),
    ]
    for k in kernels:
        cells = []
        dynamic = fused_shared(k.name) if k.name.startswith("fused_r") else k.shared
        for a in ARCHITECTURES:
            if k.name not in results[a]:
                cells.append("-")
                continue
            registers, static = results[a][k.name][:2]
            cells.append(f"{registers}/{occupancy(a, k.threads, registers, static + dynamic)}")
        static = results[DISASSEMBLED][k.name][1]
        lines.append(f"| `{k.name}` | {k.threads} | {static + dynamic} | " + " | ".join(cells) + " |")
        counts = results[DISASSEMBLED][k.name][2]
        mix.append(f"| `{k.name}` | {counts['all']} | " + " | ".join(str(counts[c]) for c in CLASSES) + " |")
    return "\n".join(lines + mix) + "\n"


def family(kernel):
    """The kernels that take the same arguments: one in several precisions or sizes."""
    name = re.sub(r"_(f32|tf32|tf32x3|bf16)$", "", kernel.name)
    return "fused" if name.startswith("fused_r") else name


def camel(name):
    """How Go calls an argument."""
    return "".join(word.capitalize() for word in name.split("_"))


def wrappers(kernels):
    """Go: a struct of arguments for each family of kernels, and a function per kernel."""
    out = [
        "//go:build cuda",
        "",
        "// Code generated by kernels/generate. DO NOT EDIT.",
        "",
        "// Package kernel launches the kernels: one function for each, with a struct of its",
        "// arguments by name. See the sources in the folder kernels for what they compute.",
        "package kernel",
        "",
        'import "gomine/cuda/internal/driver"',
    ]
    families = {}
    for k in kernels:
        name = family(k)
        if name in families:
            if families[name].arguments != k.arguments:
                raise SystemExit(f"generate: {k.name} and {families[name].name} differ in their arguments")
            continue
        families[name] = k
        go_name = Kernel("", 0, name, []).go_name
        fields, boxed = [], []
        for kind, pointer, argument in k.arguments:
            go_type, box = ("driver.Pointer", "driver.Address") if pointer else GO_TYPES[kind]
            fields.append(f"\t{camel(argument)} {go_type}")
            boxed.append(f"{box}(a.{camel(argument)})")
        out += ["", f"// {go_name}Args are the arguments of {name}, in their order.", f"type {go_name}Args struct {{", *fields, "}"]
        out += ["", f"func (a *{go_name}Args) list() [{len(boxed)}]driver.Arg {{", f"\treturn [...]driver.Arg{{{', '.join(boxed)}}}", "}"]
    for k in kernels:
        arguments = Kernel("", 0, family(k), []).go_name + "Args"
        out += ["", f"// {k.go_name} launches {k.name} with blocks of {k.threads} threads."]
        out.append(f"func {k.go_name}(s *driver.Stream, grid driver.Dim, shared int, a {arguments}) error {{")
        out.append("\targs := a.list()")
        out.append(f'\treturn s.Launch("{k.name}", grid, {k.threads}, shared, args[:]...)')
        out.append("}")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) not in (2, 3) and sys.argv[2:3] != ["cubins"]:
        raise SystemExit(__doc__)
    tools = pathlib.Path(sys.argv[1]).resolve()
    if len(sys.argv) > 3:
        cubins(tools, pathlib.Path(sys.argv[3]), [int(a) for a in sys.argv[4:]] or CUBINS)
        return
    check = sys.argv[2:] == ["check"]
    if len(sys.argv) == 3 and not check:
        sys.stdout.write(Compiler(tools).compile(pathlib.Path(sys.argv[2])))
        return
    (KERNELS / "ptx").mkdir(exist_ok=True)
    kernels, written = [], set()
    results = {a: {} for a in ARCHITECTURES}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool, tempfile.TemporaryDirectory() as folder:

        def one(path):
            source, target = path.read_text(), KERNELS / "ptx" / (path.stem + ".ptx")
            ptx = target.read_text() if target.exists() else ""
            current = ptx.startswith(origin(path))
            if check and not current:
                raise SystemExit(f"generate: ptx/{target.name} is not made from {path.name} as it is: run make kernels")
            if check:
                compare(target.name, ptx, compile_alone(tools, path))
            elif not current:
                ptx = origin(path) + compile_alone(tools, path)
                target.write_text(ptx)
            own = pathlib.Path(folder) / path.stem
            own.mkdir()
            found = {a: assemble(tools, ptx, a, own) for a in ARCHITECTURES if a >= oldest(source)}
            print(f"{path.name}: {len(parse(source))} kernels", flush=True)
            return target, parse(source), found

        for target, parsed, found in pool.map(one, sorted(KERNELS.glob("*.cu"))):
            kernels += parsed
            written.add(target)
            for a, reports in found.items():
                results[a] |= reports
    for stale in set((KERNELS / "ptx").glob("*.ptx")) - written:
        stale.unlink()
    missing = {k.name for k in kernels} ^ set(results[DISASSEMBLED])
    if missing:
        raise SystemExit(f"generate: declared and compiled kernels differ: {sorted(missing)}")
    (KERNELS / "REPORT.md").write_text(report(kernels, results))
    folder = ROOT / "cuda/internal/kernel"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.go").write_text(wrappers(kernels))
    subprocess.run(["gofmt", "-w", folder / "kernel.go"], check=True)


main()

"""The training step of gomine in PyTorch and JAX on a GPU, as fast as they have it.

    peers.py [--out FILE] [--cases A,B,..] [--seconds S] [--limit S]
    peers.py --ceilings
    peers.py --device cpu --tiny      the same code on a processor, to test it

One line of JSON per configuration, on standard output and at the end of FILE the
moment it is known. Sizes, network, batch, objective (Donsker-Varadhan), optimiser (Adam)
and data are those of cuda/bench_test.go; the number of parameters is reported so that
this can be checked. The joint and the marginal pairs, which are the batch and the batch
with z shifted by one row, share the projections of the first layer, as they do there.

What makes it fair: a process for each size and framework, small sizes first, so that no
compilation sees the shapes of another; compiled for fixed shapes; the gradients set to
None before the capture of the CUDA graph and nothing that clears them within it; a
precision that is measured on a matrix product and not only asked for; the median of
several windows. No configuration takes longer than the limit."""

import argparse
import functools
import importlib.util
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import time

# Columns of x and z together, width, hidden layers, batch.
CASES = {
    "A": (2, 64, 2, 256),
    "B": (40, 128, 2, 4096),
    "C": (10, 64, 2, 512),
    "D": (40, 128, 2, 512),
    "E": (256, 512, 2, 8192),
    "F": (1024, 512, 2, 16384),
    "G": (1024, 1024, 3, 65536),
    "H": (4096, 1024, 1, 65536),
}
TINY = {"A": CASES["A"], "E": (6, 16, 3, 64), "G": (7, 8, 1, 32)}
IN_JAX = "ABCDE"  # in one compiled loop it matters where steps are short
IN_BF16 = "FGH"  # and half the bytes where they are long
CORRELATION, RATE, BETA1, BETA2, EPSILON = 0.5, 1e-3, 0.9, 0.999, 1e-8
REPETITIONS = 5


def name(case):
    return "d={}/h={}/l={}/batch={}".format(*case)


def parameters(case):
    """The number of them in gomine's network."""
    d, h, layers, _ = case
    return d * h + h + (layers - 1) * (h * h + h) + h + 1


def steps_per_call(case):
    """About 20 ms of them at 20 TFLOP/s, and not more than 500."""
    d, h, layers, batch = case
    operations = 2 * batch * (2 * d * h + 6 * ((layers - 1) * h * h + h))
    return int(min(max(4e11 / operations, 1), 500))


def rows(case):
    return max(min(100_000, (64 << 20) // case[0]), case[3])


def measure(train, case, seconds, tiny):
    """Steps per second of train(n), which ends with the device idle and returns the
    objective: median and half the range of the repetitions, in steps per second."""
    n = 5 if tiny else steps_per_call(case)
    train(n)
    speeds = []
    for _ in range(REPETITIONS):
        steps, began = 0, time.perf_counter()
        while True:
            value = train(n)
            steps += n
            took = time.perf_counter() - began
            if took >= seconds / REPETITIONS:
                break
        speeds.append(steps / took)
    if not math.isfinite(value):
        raise ArithmeticError(f"the objective is {value}")
    return {
        "steps_per_second": statistics.median(speeds), "half_range": (max(speeds) - min(speeds)) / 2,
        "repetitions": REPETITIONS, "steps_per_call": n, "value": value,
    }


class InTorch:
    """PyTorch. Modes: eager and compile; with graph in front, the same replayed as a CUDA graph."""

    def __init__(self, device):
        import torch
        import torch._inductor.compile_fx  # here, where no alarm can cut it in half

        self.torch, self.device = torch, device
        self.version = torch.__version__
        self.card = torch.cuda.get_device_name() if device == "cuda" else "processor"
        self.modes = ["graph compile", "graph eager"] if device == "cuda" else ["compile", "eager"]

    def set_precision(self, precision):
        # Not torch.backends.cuda.matmul.fp32_precision, the newer switch: up to 2.12 the
        # compiler reads the older ones, which raises after that was written
        # (pytorch/pytorch issue 166387). This one sets both.
        self.torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")

    def product_error(self, precision):
        """The relative error of a product: some 1e-7 in FP32, 3e-4 in TF32, 2e-3 in BF16."""
        torch = self.torch
        a, b = (torch.randn(512, 512, device=self.device) for _ in range(2))
        with self.autocast(precision):
            c = (a @ b).double()
        exact = a.double() @ b.double()
        return float((c - exact).norm() / exact.norm())

    def autocast(self, precision):
        # Without the cache of weights, which a captured graph must not share.
        return self.torch.autocast(self.device, dtype=self.torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)

    def sync(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def critic(self, case):
        """The layers, and the objective of the rows that an index names, negated."""
        torch = self.torch
        d, h, layers, batch = case
        dx = d // 2
        modules = torch.nn.ModuleDict({
            "x": torch.nn.Linear(dx, h), "z": torch.nn.Linear(d - dx, h, bias=False),
            "hidden": torch.nn.ModuleList(torch.nn.Linear(h, h) for _ in range(layers - 1)), "out": torch.nn.Linear(h, 1),
        }).to(self.device)
        x, z = (torch.randn(rows(case), n, device=self.device) for n in (dx, d - dx))
        z = CORRELATION * x[:, torch.arange(d - dx, device=self.device) % dx] + (1 - CORRELATION**2) ** 0.5 * z

        def loss(index):
            px, pz = modules["x"](x[index]), modules["z"](z[index])
            hidden = torch.relu(torch.cat([px + pz, px + pz.roll(-1, 0)]))
            for layer in modules["hidden"]:
                hidden = torch.relu(layer(hidden))
            joint, marginal = modules["out"](hidden).float().squeeze(1).chunk(2)
            return torch.logsumexp(marginal, 0) - math.log(batch) - joint.mean()

        return modules, loss

    def prepare(self, case, mode, precision):
        """Returns train(n) and the number of parameters."""
        torch = self.torch
        torch.manual_seed(1)
        torch._dynamo.reset()
        self.set_precision(precision)
        modules, loss = self.critic(case)
        graphed = mode.startswith("graph")
        if "compile" in mode:
            loss = torch.compile(loss, dynamic=False, fullgraph=True)
        adam = torch.optim.Adam(modules.parameters(), lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True, capturable=graphed)
        n, batch = rows(case), case[3]

        def forward_backward():
            index = torch.randint(n, (batch,), device=self.device)
            with self.autocast(precision):
                value = loss(index)
            value.backward()
            return value

        def step():
            adam.zero_grad(set_to_none=True)
            value = forward_backward()
            adam.step()
            return value

        if graphed:
            step = self.capture(step, forward_backward, adam)

        def train(count):
            for _ in range(count):
                value = step()
            self.sync()
            return -float(value.detach())

        return train, sum(p.numel() for p in modules.parameters())

    def capture(self, step, forward_backward, adam):
        """PyTorch's recipe: warm up beside the capture, gradients None before it, so that
        the backward pass writes them anew in each replay and nothing clears them."""
        torch = self.torch
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                step()
        torch.cuda.current_stream().wait_stream(side)
        adam.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            value = forward_backward()
            adam.step()
        return lambda: graph.replay() or value


class InJax:
    """JAX: all steps of a call in one compiled loop."""

    modes = ["scan"]

    def __init__(self, device):
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # most of the memory otherwise
        import jax

        self.jax = jax
        jax.config.update("jax_platforms", device)
        self.version = jax.__version__
        self.card = jax.devices()[0].device_kind

    def set_precision(self, precision):
        self.jax.config.update("jax_default_matmul_precision", "tensorfloat32" if precision == "tf32" else "float32")

    def product_error(self, precision):
        import numpy as np

        a, b = np.random.default_rng(1).standard_normal((2, 512, 512), dtype=np.float32)
        c, exact = np.asarray(self.jax.jit(self.jax.numpy.matmul)(a, b)), a.astype(np.float64) @ b.astype(np.float64)
        return float(np.linalg.norm(c - exact) / np.linalg.norm(exact))

    def prepare(self, case, mode, precision):
        """Returns train(n) and the number of parameters."""
        jax, jnp = self.jax, self.jax.numpy
        self.set_precision(precision)
        d, h, layers, batch = case
        dx = d // 2
        keys = jax.random.split(jax.random.key(1), layers + 5)
        x, z = jax.random.normal(keys[0], (rows(case), dx)), jax.random.normal(keys[1], (rows(case), d - dx))
        z = CORRELATION * x[:, jnp.arange(d - dx) % dx] + (1 - CORRELATION**2) ** 0.5 * z
        dense = lambda key, n, m, inputs: jax.random.normal(key, (n, m)) / inputs**0.5
        params = {
            "x": dense(keys[2], dx, h, d), "z": dense(keys[3], d - dx, h, d), "b": jnp.zeros(h),
            "hidden": [(dense(keys[5 + i], h, h, h), jnp.zeros(h)) for i in range(layers - 1)],
            "out": (dense(keys[4], h, 1, h), jnp.zeros(1)),
        }

        def loss(p, x, z):
            px, pz = x @ p["x"] + p["b"], z @ p["z"]
            hidden = jax.nn.relu(jnp.concatenate([px + pz, px + jnp.roll(pz, -1, 0)]))
            for weights, bias in p["hidden"]:
                hidden = jax.nn.relu(hidden @ weights + bias)
            joint, marginal = jnp.split((hidden @ p["out"][0] + p["out"][1])[:, 0], 2)
            return jax.nn.logsumexp(marginal) - math.log(batch) - joint.mean()

        def step(x, z, state, _):
            p, m, v, t, key = state
            key, draw = jax.random.split(key)
            index = jax.random.randint(draw, (batch,), 0, len(x))
            value, grad = jax.value_and_grad(loss)(p, x[index], z[index])
            t = t + 1
            m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, grad)
            v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, grad)
            rate = RATE * jnp.sqrt(1 - BETA2**t) / (1 - BETA1**t)
            p = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), p, m, v)
            return (p, m, v, t, key), value

        # The data are arguments: as constants of the program they would be compiled into it.
        @functools.partial(jax.jit, static_argnums=3, donate_argnums=2)
        def loop(x, z, state, count):
            return jax.lax.scan(functools.partial(step, x, z), state, None, length=count)

        zeros = lambda: jax.tree.map(jnp.zeros_like, params)
        state = (params, zeros(), zeros(), jnp.float32(0), jax.random.key(7))
        count = sum(p.size for p in jax.tree.leaves(params))

        def train(n):
            nonlocal state
            state, values = loop(x, z, state, n)
            return -float(values[-1])

        return train, count


FRAMEWORKS = {"torch": InTorch, "jax": InJax}


def answer(result, out):
    line = json.dumps(result) + "\n"
    sys.stdout.write(line)
    sys.stdout.flush()
    if out:
        with open(out, "ab", buffering=0) as file:
            file.write(line.encode())


class OverLimit(BaseException):
    """Not an Exception, which the frameworks catch in places."""


def on_alarm(signum, frame):
    raise OverLimit("a configuration took longer than its limit")


def one_size(args, letter, case):
    """In a process of its own: one framework at one size, in all its modes and precisions."""
    signal.signal(signal.SIGALRM, on_alarm)
    framework = FRAMEWORKS[args.child](args.device)
    precisions = ["tf32", "fp32"] + ["bf16"] * (args.child == "torch" and (letter in IN_BF16 or args.tiny))
    for mode in framework.modes:
        for precision in precisions if "eager" not in mode else precisions[:2]:
            result = {
                "peer": f"{args.child} {mode}", "precision": precision, "case": name(case),
                "device": framework.card, "version": framework.version,
            }
            began = time.perf_counter()
            signal.alarm(args.limit)
            try:
                train, count = framework.prepare(case, mode, precision)
                if count != parameters(case):
                    raise ValueError(f"{count} parameters in place of {parameters(case)}")
                result |= {"parameters": count, "product_error": framework.product_error(precision)}
                train(2)
                result["setup_seconds"] = time.perf_counter() - began
                result |= measure(train, case, args.seconds, args.tiny)
            except (Exception, OverLimit) as error:  # one configuration less, the others still count
                result["error"] = f"{type(error).__name__}: {error}"[:500]
            finally:
                signal.alarm(0)
            train = None
            answer(result, args.out)


def all_sizes(args, cases):
    present = [f for f in FRAMEWORKS if importlib.util.find_spec(f)]
    for framework in FRAMEWORKS.keys() - present:
        answer({"peer": framework, "skipped": "not installed"}, args.out)
    for letter, case in cases.items():
        for framework in present:
            if framework == "jax" and letter not in IN_JAX:
                continue
            command = [sys.executable, "-u", __file__, "--child", framework, "--cases", letter, "--device", args.device,
                       "--seconds", str(args.seconds), "--limit", str(args.limit)]
            command += ["--out", args.out] * bool(args.out) + ["--tiny"] * args.tiny
            try:  # the alarms of the child come first; this is for one that is stuck outside of Python
                code = subprocess.run(command, timeout=6 * args.limit).returncode
                reason = f"ended with {code}" if code else None
            except subprocess.TimeoutExpired:
                reason = f"no end within {6 * args.limit} s"
            if reason:
                answer({"peer": framework, "case": name(case), "error": reason}, args.out)


def ceilings(args):
    """What the card does at best: a copy in its memory, bytes read and written, and products."""
    torch = InTorch(args.device)
    size, n = (1 << 28, 8192) if not args.tiny else (1 << 20, 128)

    def best(f):
        seconds = []
        for _ in range(8):
            torch.sync()
            began = time.perf_counter()
            f()
            torch.sync()
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds[2:])

    a = torch.torch.randn(size, device=args.device)
    b = torch.torch.empty_like(a)
    answer({"ceiling": "copy", "tb_per_second": 8 * size / best(lambda: b.copy_(a)) / 1e12, "device": torch.card}, args.out)
    for precision in ["tf32", "bf16", "fp32"]:
        torch.set_precision(precision)
        p, q = (torch.torch.randn(n, n, device=args.device, dtype=torch.torch.bfloat16 if precision == "bf16" else torch.torch.float32) for _ in range(2))
        answer({"ceiling": f"product {precision}", "tflop_per_second": 2 * n**3 / best(lambda: p @ q) / 1e12, "device": torch.card}, args.out)


def main():
    parser = argparse.ArgumentParser(description="The training step of gomine in PyTorch and JAX.")
    parser.add_argument("--out", help="file to append the results to")
    parser.add_argument("--cases", default=",".join(CASES), help="letters of the sizes, small ones first")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--seconds", type=float, default=0.7, help="measured time of a configuration")
    parser.add_argument("--limit", type=int, default=40, help="seconds for a configuration, compilation included")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to test this script")
    parser.add_argument("--ceilings", action="store_true", help="bandwidth and products of the card, and nothing else")
    parser.add_argument("--child", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    known = TINY if args.tiny else CASES
    cases = {letter: known[letter] for letter in args.cases.split(",") if letter in known}
    if args.ceilings:
        if importlib.util.find_spec("torch") is None:
            return answer({"ceiling": "copy", "skipped": "no PyTorch"}, args.out)
        ceilings(args)
    elif args.child:
        for letter, case in cases.items():
            one_size(args, letter, case)
    else:
        all_sizes(args, cases)


if __name__ == "__main__":
    main()

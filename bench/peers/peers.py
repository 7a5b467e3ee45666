"""The training step of gomine as one would write it in PyTorch or JAX.

A critic on the concatenated columns of x and z ascends the Donsker-Varadhan
bound; the marginal pairs of a batch are its rows shifted by one; Adam updates
the parameters. Network, batch, optimiser and data are those of
gomine/bench/throughput: the same shapes, float32, correlated normal columns.

    python peers.py jax --threads 2 d=40/h=128/l=2/batch=512/f=relu

prints one line of JSON per case: the median speed over a few windows, each of
about a second, after everything is compiled and warm. Without a case it
serves requests, one line of JSON each on standard input and output:

    {"case": CASE, "seconds": 1}             ->  {"steps": .., "seconds": .., "value": ..}
    {"op": "NN", "m": .., "n": .., "k": ..,  ->  {"products": .., "seconds": ..}
     "lda": .., "ldb": .., "ldc": .., "seconds": .1}

The second form, of contender openblas, multiplies matrices as
cpu/internal/f32 does: NN is A B, TN is A^T B, NT is A B^T, C is [m, n].
What goes wrong with a request is answered by {"error": ".."}.
"""

import argparse
import json
import os
import statistics
import sys
import time

CORRELATION = 0.5
RATE = 1e-3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def parse_case(text):
    """Returns (columns, width, layers, batch, activation) of a case's name."""
    fields = dict(field.split("=", 1) for field in text.split("/"))
    return tuple(int(fields[key]) for key in ("d", "h", "l", "batch")) + (fields["f"],)


def steps_per_call(d, h, layers, batch):
    """As many steps as gomine's benchmark takes in one call."""
    operations = 2 * batch * (2 * d * h + 6 * ((layers - 1) * h * h + h))
    return int(min(max(2e9 / operations, 1), 500))


def correlated(d, batch):
    """Returns as many rows of x and z as gomine's benchmark takes: float32,
    [rows, d // 2] and [rows, d - d // 2]."""
    import numpy as np

    rows = max(min(100_000, (64 << 20) // d), batch)
    rng = np.random.default_rng(1)
    dx, dz = d // 2, d - d // 2
    x = rng.standard_normal((rows, dx), dtype=np.float32)
    noise = rng.standard_normal((rows, dz), dtype=np.float32)
    z = CORRELATION * x[:, np.arange(dz) % dx] + (1 - CORRELATION**2) ** 0.5 * noise
    return x, z.astype(np.float32)


class Torch:
    """PyTorch: eager, or with the objective and its gradient compiled."""

    def __init__(self, threads, compiled):
        import torch

        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.torch, self.compiled = torch, compiled
        self.versions = {"torch": f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()} kernels"}

    def prepare(self, case):
        """Returns a function that trains for n steps and returns the last value."""
        import math

        torch = self.torch
        d, h, layers, batch, f = case
        torch.manual_seed(1)
        x, z = (torch.from_numpy(v) for v in correlated(d, batch))
        activation = {"relu": torch.nn.ReLU, "softplus": torch.nn.Softplus, "elu": torch.nn.ELU}[f]
        modules = []
        for inputs in [d] + [h] * (layers - 1):
            modules += [torch.nn.Linear(inputs, h), activation()]
        critic = torch.nn.Sequential(*modules, torch.nn.Linear(h, 1))
        adam = torch.optim.Adam(critic.parameters(), lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True)

        def objective(x, z):
            joint = critic(torch.cat((x, z), 1))
            marginal = critic(torch.cat((x, z.roll(1, 0)), 1))
            return joint.mean() - (marginal.logsumexp(0).squeeze() - math.log(batch))

        if self.compiled:
            objective = torch.compile(objective)

        def epochs():
            while True:
                yield from torch.randperm(len(x)).split(batch)[: len(x) // batch]

        rows = epochs()

        def train(n):
            for _ in range(n):
                batch_rows = next(rows)
                adam.zero_grad(set_to_none=True)
                value = objective(x[batch_rows], z[batch_rows])
                (-value).backward()
                adam.step()
            return value.item()

        return train


class Jax:
    """JAX: all steps of a call in one compiled scan."""

    def __init__(self, threads):
        import jax

        jax.config.update("jax_platforms", "cpu")
        self.versions = {"jax": jax.__version__}

    def prepare(self, case):
        """Returns a function that trains for n steps and returns the last value."""
        import functools

        import jax
        import jax.numpy as jnp

        d, h, layers, batch, f = case
        x, z = (jnp.asarray(v) for v in correlated(d, batch))
        activation = getattr(jax.nn, f)

        def score(params, inputs):
            for weights, bias in params[:-1]:
                inputs = activation(inputs @ weights + bias)
            weights, bias = params[-1]
            return (inputs @ weights + bias)[:, 0]

        def loss(params, x, z):
            joint = score(params, jnp.concatenate((x, z), 1))
            marginal = score(params, jnp.concatenate((x, jnp.roll(z, 1, 0)), 1))
            return jax.nn.logsumexp(marginal) - jnp.log(batch) - joint.mean()

        @functools.partial(jax.jit, static_argnames="n", donate_argnums=0)
        def train(state, x, z, n):
            def step(state, _):
                params, m, v, s, key = state
                key, draw = jax.random.split(key)
                rows = jax.random.randint(draw, (batch,), 0, len(x))
                value, grad = jax.value_and_grad(loss)(params, x[rows], z[rows])
                s = s + 1
                m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, grad)
                v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, grad)
                rate = RATE * jnp.sqrt(1 - BETA2**s) / (1 - BETA1**s)
                params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), params, m, v)
                return (params, m, v, s, key), value

            state, values = jax.lax.scan(step, state, None, length=n)
            return state, -values[-1]

        params = []
        for i, (inputs, outputs) in enumerate(zip([d] + [h] * layers, [h] * layers + [1])):
            weights = jax.random.normal(jax.random.key(i), (inputs, outputs)) / inputs**0.5
            params.append((weights, jnp.zeros(outputs)))
        zeros = jax.tree.map(jnp.zeros_like, params)
        state = (params, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0), jax.random.key(7))

        def call(n):
            nonlocal state
            state, value = train(state, x, z, n)
            return float(value)

        return call


class Training:
    """Measures the training of one framework."""

    def __init__(self, framework):
        self.framework, self.versions = framework, framework.versions
        self.runs = {}

    def answer(self, request):
        """Trains for about request["seconds"], not counting what is done once."""
        name = request["case"]
        case = parse_case(name)
        n = steps_per_call(*case[:4])
        if name not in self.runs:
            self.runs[name] = self.framework.prepare(case)
            for _ in range(2):
                self.runs[name](n)
        train = self.runs[name]
        steps, began = 0, time.perf_counter()
        while True:
            value = train(n)
            steps += n
            seconds = time.perf_counter() - began
            if seconds >= request["seconds"]:
                return {"steps": steps, "seconds": seconds, "value": value}


class OpenBLAS:
    """Measures the sgemm of the OpenBLAS that NumPy brings, on one thread."""

    def __init__(self):
        import ctypes

        import numpy
        import threadpoolctl

        threadpoolctl.threadpool_limits(1)
        libraries = [v for v in threadpoolctl.threadpool_info() if v["internal_api"] == "openblas"]
        if not libraries:
            raise RuntimeError("this NumPy does not use OpenBLAS")
        info = libraries[0]
        library = ctypes.CDLL(info["filepath"])
        for name, self.integer in (
            ("scipy_cblas_sgemm64_", ctypes.c_int64),
            ("cblas_sgemm64_", ctypes.c_int64),
            ("scipy_cblas_sgemm", ctypes.c_int32),
            ("cblas_sgemm", ctypes.c_int32),
        ):
            if hasattr(library, name):
                self.sgemm = getattr(library, name)
                break
        else:
            raise RuntimeError(f"{info['filepath']} has no cblas_sgemm")
        self.versions = {
            "numpy": numpy.__version__,
            "openblas": f"{info['version']}, {info['architecture']} kernels",
        }

    def answer(self, request):
        """Multiplies for about request["seconds"]; the cost of a call from Python is taken off."""
        import ctypes

        m, n, k = request["m"], request["n"], request["k"]
        lda, ldb, ldc = request["lda"], request["ldb"], request["ldc"]
        transpose_a, transpose_b = (c == "T" for c in request["op"])
        a = self.normal((k if transpose_a else m) * lda)
        b = self.normal((n if transpose_b else k) * ldb)
        c = self.normal(m * ldc)
        row_major, no_transpose, transpose = (ctypes.c_int(v) for v in (101, 111, 112))

        def call(m):
            return (
                row_major,
                transpose if transpose_a else no_transpose,
                transpose if transpose_b else no_transpose,
                *(self.integer(v) for v in (m, n, k)),
                ctypes.c_float(1),
                ctypes.c_void_p(a.ctypes.data),
                self.integer(lda),
                ctypes.c_void_p(b.ctypes.data),
                self.integer(ldb),
                ctypes.c_float(0),
                ctypes.c_void_p(c.ctypes.data),
                self.integer(ldc),
            )

        # Without rows the library returns at once, so what is left is Python's.
        empty = self.repeat(call(0), 1000) / 1000
        arguments = call(m)
        self.repeat(arguments, 2)
        chunk = max(1, int(request["seconds"] / 10 / self.repeat(arguments, 1)))
        products, seconds = 0, 0.0
        while seconds < request["seconds"]:
            seconds += self.repeat(arguments, chunk)
            products += chunk
        seconds -= products * empty
        # The cost of a call is known to some percent only.
        if seconds < 3 * products * empty:
            raise ValueError(f"product takes {1e6 * seconds / products:.1f} us, too little to be measured from Python")
        return {"products": products, "seconds": seconds}

    def repeat(self, arguments, n):
        """Returns how long n products take."""
        sgemm = self.sgemm
        began = time.perf_counter()
        for _ in range(n):
            sgemm(*arguments)
        return time.perf_counter() - began

    @staticmethod
    def normal(n):
        """Returns n normal numbers that start at a multiple of 64 bytes."""
        import numpy as np

        padded = np.empty(n + 16, dtype=np.float32)
        skip = -padded.ctypes.data % 64 // 4
        padded[skip : skip + n] = np.random.default_rng(1).standard_normal(n, dtype=np.float32)
        return padded[skip : skip + n]


CONTENDERS = {
    "torch-eager": lambda threads: Training(Torch(threads, compiled=False)),
    "torch-compile": lambda threads: Training(Torch(threads, compiled=True)),
    "jax": lambda threads: Training(Jax(threads)),
    "openblas": lambda threads: OpenBLAS(),
}


def main():
    parser = argparse.ArgumentParser(description="Measure the training step of gomine in PyTorch or JAX.")
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("case", nargs="*", help="such as d=40/h=128/l=2/batch=512/f=relu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="length of a window")
    args = parser.parse_intermixed_args()

    # What a library prints must not end up between the answers.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(message):
        print(json.dumps(message), file=out, flush=True)

    # XLA and OpenMP take as many threads as there are processors to run on.
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])

    try:
        contender = CONTENDERS[args.contender](args.threads)
    except Exception as error:
        reply({"error": one_line(error)})
        return 1
    versions = {"python": sys.version.split()[0], **contender.versions}
    if args.case:
        for case in args.case:
            windows = [contender.answer({"case": case, "seconds": args.seconds}) for _ in range(args.windows)]
            speeds = [w["steps"] / w["seconds"] for w in windows]
            reply({
                "contender": args.contender, "versions": versions, "threads": args.threads, "case": case,
                "steps_per_second": statistics.median(speeds), "windows": windows,
            })
        return 0
    reply({"versions": versions})
    for line in sys.stdin:
        try:
            reply(contender.answer(json.loads(line)))
        except Exception as error:
            reply({"error": one_line(error)})
    return 0


def one_line(error):
    text = f"{type(error).__name__}: {error}".strip()
    return text.splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())

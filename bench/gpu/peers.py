"""The training step of gomine in PyTorch on a GPU: eager, compiled, CUDA-graphed.

usage: peers.py [SECONDS]

Prints one JSON object a line: the six configurations of cuda/bench_test.go, in
FP32 and TF32. Same network, batch, objective (Donsker-Varadhan), optimiser (Adam)
and data; marginal pairs by a shift of the batch. Has not been run on a GPU yet.
"""

import json
import sys
import time

import torch

CASES = [(2, 64, 2, 256), (40, 128, 2, 4096), (256, 512, 2, 8192), (1024, 512, 2, 16384), (1024, 1024, 3, 65536), (4096, 1024, 1, 65536)]
ROWS = 100_000


class Critic(torch.nn.Module):
    def __init__(self, dx, dz, width, layers):
        super().__init__()
        self.x = torch.nn.Linear(dx, width)
        self.z = torch.nn.Linear(dz, width, bias=False)
        self.hidden = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(layers - 1))
        self.out = torch.nn.Linear(width, 1)

    def forward(self, x, z):
        px, pz = self.x(x), self.z(z)
        h = torch.relu(torch.cat([px + pz, px + pz.roll(-1, 0)]))
        for layer in self.hidden:
            h = torch.relu(layer(h))
        joint, marginal = self.out(h).squeeze(1).chunk(2)
        return -(joint.mean() - torch.logsumexp(marginal, 0))


def steps_per_second(mode, case, seconds):
    d, width, layers, batch = case
    rows = max(batch, min(ROWS, (64 << 20) // d))
    torch.manual_seed(1)
    x, z = torch.randn(rows, d // 2, device="cuda"), torch.randn(rows, d - d // 2, device="cuda")
    critic = Critic(d // 2, d - d // 2, width, layers).cuda()
    adam = torch.optim.Adam(critic.parameters(), lr=1e-3, fused=True, capturable=mode == "graph")
    forward = torch.compile(critic) if mode in ("compile", "graph") else critic

    def step():
        index = torch.randint(rows, (batch,), device="cuda")
        adam.zero_grad(set_to_none=mode != "graph")
        forward(x[index], z[index]).backward()
        adam.step()

    if mode == "graph":
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        step = graph.replay
    for _ in range(10):
        step()
    torch.cuda.synchronize()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(20):
            step()
        torch.cuda.synchronize()
        count += 20
    return count / (time.perf_counter() - began)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    device = torch.cuda.get_device_name()
    for precision in ["fp32", "tf32"]:
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        for case in CASES:
            for mode in ["eager", "compile", "graph"]:
                result = {"device": device, "torch": torch.__version__, "mode": mode, "precision": precision}
                result |= dict(zip(["d", "h", "l", "batch"], case))
                try:
                    result["steps_per_second"] = steps_per_second(mode, case, seconds)
                except Exception as error:  # one configuration less, the others still count
                    result["error"] = repr(error)
                print(json.dumps(result), flush=True)


main()

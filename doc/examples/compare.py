"""Compare two files of scores: every value must agree within 1e-5 nats."""

import sys

import numpy as np

a, b = (np.loadtxt(path, skiprows=1, ndmin=1) for path in sys.argv[1:3])
assert a.shape == b.shape, f"{len(a)} and {len(b)} scores"
worst = np.max(np.abs(a - b))
print(f"{len(a)} scores from {a.min():.3f} to {a.max():.3f}, which differ by {worst:.1e} at most")
assert worst <= 1e-5

"""Score rows by a critic that mine estimate --save wrote, as mine score does.

    python score.py critic.safetensors data.csv > scores.csv

Needs numpy and safetensors. doc/critics.md says what the arrays and the
description mean.
"""

import csv
import json
import math
import sys

import numpy as np
from safetensors import safe_open


def read_columns(path):
    """The columns of a CSV file with a header, by name: their texts, and their
    numbers as mine keeps them, in float32 unless that would make different
    values equal."""
    with open(path, newline="") as f:
        rows = list(csv.reader(f))
    columns = {}
    for name, values in zip(rows[0], zip(*rows[1:])):
        try:
            exact = np.array(values, dtype=np.float64)
        except ValueError:
            columns[name] = values, None
            continue
        short = exact.astype(np.float32)
        same = len(np.unique(short)) == len(np.unique(exact))
        columns[name] = values, short.astype(np.float64) if same else exact
    return columns


def image(column, arrays, prefix, values):
    """The first input that a column of numbers becomes, constant outside of
    the fitted values."""
    v = np.clip(values, column["min"], column["max"])
    if prefix + "value" in arrays:
        return np.interp(v, arrays[prefix + "value"], arrays[prefix + "image"])
    u = (v / column["unit"] - column["mean"]) * column["scale"]
    beyond = np.maximum(np.abs(u) - 4, 0)
    return np.where(beyond > 0, np.sign(u) * (4 + np.log1p(beyond)), u)


def code_inputs(codes, share, texts, numbers):
    """One input a frequent code, one for all others."""
    if "values" in codes:  # whole numbers that are taken for codes
        known, values = dict(zip(codes["values"], codes["input"])), numbers
    else:
        known, values = dict(zip(codes["labels"], codes["input"])), texts
    own = np.array([known.get(v, -1) for v in values])
    own[own < 0] = codes["rare"]
    has = own[:, None] == np.arange(len(share))
    return (has - share) / np.sqrt(share * (1 - share))


def inputs(side, arrays, prefix, data):
    """The inputs [rows, n] of one side, and how many of them are not the radius."""
    all_inputs, square = [], 0.0
    for j, column in enumerate(side["columns"]):
        if column.get("constant"):
            continue
        (texts, values), here = data[column["name"]], f"{prefix}.{j}."
        if "codes" in column:
            all_inputs.append(code_inputs(column["codes"], arrays[here + "share"], texts, values))
            continue
        y = image(column, arrays, here, values)
        all_inputs.append(y[:, None])
        u = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in y])
        for k in range(1, column.get("harmonics", 0) + 1):
            all_inputs.append(math.sqrt(2) * np.cos(math.pi * k * u)[:, None])
        if "spike" in column:
            p = column["spike"]["share"]
            has = values == column["spike"]["value"]
            all_inputs.append(((has - p) / math.sqrt(p * (1 - p)))[:, None])
        if side.get("radius", {}).get("line"):
            spread = column["spread"]
            u = (values - column["median"]) / spread if spread > 0 else 0.0
            square = square + u * u
        else:
            square = square + y * y
    for d in side.get("directions", []):
        raw = sum(
            a * (data[column["name"]][1] - center)
            for column, a, center in zip(side["columns"], d["weights"], d["centers"])
            if a != 0
        )
        all_inputs.append(np.clip(raw, d["min"], d["max"])[:, None])
    count = sum(a.shape[1] for a in all_inputs)
    if "radius" in side:
        r = side["radius"]
        raw = np.clip(np.log1p(square), r["min"], r["max"])
        all_inputs.append(((raw - r["mean"]) * r["unit"])[:, None])
    return np.concatenate(all_inputs, axis=1).astype(np.float32), count


ACTIVATIONS = {
    "softplus": lambda a: np.logaddexp(0, a),
    "elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "relu": lambda a: np.maximum(a, 0),
}


def network(critic, arrays, x, z):
    h = np.concatenate([x, z], axis=1).astype(np.float64)
    last = len(critic["hidden"])
    for k in range(last + 1):
        name = f"{critic['name']}.layers.{k}."
        h = h @ arrays[name + "weight"].T.astype(np.float64) + arrays[name + "bias"]
        if k < last:
            h = ACTIVATIONS[critic["candidate"]["activation"]](h)
    return h[:, 0]


def reference(critic, arrays, x, z):
    """The log density ratio of a normal law, by its canonical variates."""
    p, q = (
        (v.astype(np.float64) - arrays[f"{critic['name']}.{s}.mean"]) @ arrays[f"{critic['name']}.{s}.weight"].T
        for s, v in (("x", x), ("z", z))
    )
    r = arrays[critic["name"] + ".rho"]
    rest = 1 - r * r
    t = -np.log(rest) / 2 + (2 * r * p * q - r * r * (p * p + q * q)) / (2 * rest)
    return np.maximum(t.sum(axis=1), critic["least"])


def shares(side, arrays, prefix):
    """The shares of the codes, where the side is a single column of them."""
    columns = side["columns"]
    return arrays.get(prefix + ".0.share") if len(columns) == 1 and not columns[0].get("constant") else None


def normalised(critic, maps, arrays, at, x, z, score_pairs):
    """The score less log sum_c p(c) exp T(., c) over the codes c of one side:
    z, unless x has fewer of them."""
    px, pz = (shares(maps[s], arrays, f"maps{at}.{s}") for s in "xz")
    of_z = pz is not None and (px is None or len(px) >= len(pz))
    p = pz if of_z else px
    rows = (np.eye(len(p)) - p) / np.sqrt(p * (1 - p))  # the inputs of a row of each code
    total = 0.0
    for share, row in zip(p, rows.astype(np.float32)):
        code = np.tile(row, (len(x), 1))
        total = total + share * np.exp(score_pairs(critic, arrays, *((x, code) if of_z else (code, z))))
    return score_pairs(critic, arrays, x, z) - np.log(total)


def score(path, data):
    with safe_open(path, framework="np") as f:
        about = json.loads(f.metadata()["gomine.critic"])
        arrays = {name: f.get_tensor(name) for name in f.keys()}
    if about["format"] != "gomine.critic/2":
        sys.exit(f"{path}: format {about['format']}, want gomine.critic/2")
    total = -np.mean(about["log_u"])
    for critic in about["critics"]:
        at = critic["maps"]
        x, nx = inputs(about["maps"][at]["x"], arrays, f"maps{at}.x", data)
        z, nz = inputs(about["maps"][at]["z"], arrays, f"maps{at}.z", data)
        score_pairs = network
        if critic.get("reference"):
            x, z, score_pairs = x[:, :nx], z[:, :nz], reference
        if critic.get("normalised"):
            t = normalised(critic, about["maps"][at], arrays, at, x, z, score_pairs)
        else:
            t = score_pairs(critic, arrays, x, z)
        total = total + critic["weight"] * t
    return total


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print("information_nats")
    for value in score(sys.argv[1], read_columns(sys.argv[2])):
        print(repr(float(value)))

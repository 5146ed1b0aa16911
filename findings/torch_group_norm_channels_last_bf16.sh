#!/usr/bin/env bash
# torch 2.13.0 on a CPU, group_norm of bfloat16 pictures with few channels a group, laid out as channels_last.
#
# channels_last is the layout that oneDNN's convolutions in bfloat16 want: with it they need no copies on the way in and
# out. A U-Net that is put into it gets slower all the same, for its group norms take several times as long as on the
# same numbers in the usual layout: longer than to copy the pictures there, normalise them, and copy them back.
#
# Seen on an x86-64 processor, one thread, 256 pictures of 16 channels in 4 groups, 16 x 16 pixels: more than ten times
# as long. Expected: about as long, for as many numbers are read and written, and the results agree.
# Exits with an error if the copies there and back no longer pay, or it no longer takes three times as long.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install --quiet "torch==2.13.0" numpy
"$place/env/bin/python" - <<'PY'
import time

import torch
from torch.nn.functional import group_norm

torch.set_num_threads(1)
torch.manual_seed(0)
usual = torch.randn(256, 16, 16, 16).bfloat16()
last = usual.to(memory_format=torch.channels_last)
weight, bias = torch.ones(16), torch.zeros(16)


def there_and_back():
    return group_norm(last.contiguous(), 4, weight, bias).to(memory_format=torch.channels_last)


ways = {
    "usual layout": lambda: group_norm(usual, 4, weight, bias),
    "channels_last": lambda: group_norm(last, 4, weight, bias),
    "channels_last, by way of the usual one": there_and_back,
}
seconds = {name: [] for name in ways}
with torch.no_grad():
    results = [way() for way in ways.values()]
    assert all(torch.allclose(result, results[0], atol=0.04) for result in results)
    for _ in range(30):  # in turn: other work on the machine falls on all
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
best = {name: min(times) for name, times in seconds.items()}
for name, shortest in best.items():
    print(f"{name}: {shortest * 1e3:.2f} ms, {shortest / best['usual layout']:.1f} times the usual layout's")
assert best["channels_last"] > 3 * best["usual layout"]
assert best["channels_last"] > best["channels_last, by way of the usual one"]
PY

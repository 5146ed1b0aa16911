#!/usr/bin/env bash
# smalldiffusion 0.5.0, training_loop, a generator that hands out each iteration's loss, model and optimizer.
#
# It hands them out after the loss is computed and before the gradient step is taken. So an average of the weights that
# is updated in the loop's body, as the package's own examples do, follows weights that are one step old; and who leaves
# the loop after n rounds has had n - 1 steps, the last loss was for nothing.
#
# Seen: in round n the weights have changed n - 1 times; after one round they are those of the start. Expected by a
# reader of the loop: n, and 1. Exits with an error if that has changed. (torchvision, which the package imports for
# pictures and which is not needed here, is stood in for by a mock.)
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install --quiet "torch==2.13.0" "accelerate==1.15.0" "einops==0.8.2" numpy tqdm
"$place/env/bin/pip" install --quiet --no-deps "smalldiffusion==0.5.0"
"$place/env/bin/python" - <<'PY'
import sys
from unittest.mock import MagicMock

sys.modules["torchvision"] = MagicMock()

import torch
from smalldiffusion import ScheduleLogLinear, TimeInputMLP, training_loop
from torch.utils.data import DataLoader

torch.manual_seed(0)
points = DataLoader(torch.randn(64, 2), batch_size=16)
schedule = ScheduleLogLinear(N=100, sigma_min=0.01, sigma_max=10)


def weights(net):
    return torch.cat([x.detach().flatten().cpu().clone() for x in net.parameters()])


changed, net = [], TimeInputMLP(dim=2, hidden_dims=(8,))
last, changes = weights(net), 0
for n, _ in enumerate(training_loop(points, net, schedule, epochs=1), start=1):
    now = weights(net)
    changes += not torch.equal(now, last)
    last = now
    changed.append((n, changes))
print("round, changes of the weights by then:", changed)
assert changed == [(1, 0), (2, 1), (3, 2), (4, 3)], changed

start = weights(net)
for _ in training_loop(points, net, schedule, epochs=1):
    break
print("after one round the weights have changed:", not torch.equal(weights(net), start))
assert torch.equal(weights(net), start)
PY

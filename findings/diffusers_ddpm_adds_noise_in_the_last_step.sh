#!/usr/bin/env bash
# diffusers 0.42.1, DDPMScheduler with fewer inference than training steps and timestep_spacing="trailing".
#
# The step that ends in the clean picture should add no noise. The scheduler leaves noise out where the timestep is 0;
# with fewer steps the last timestep that is visited is not 0 (it is 19 for 50 of 1000 steps), so noise is added to the
# finished picture: with a standard deviation of 0.0755 for variance_type="fixed_large", at pixels that go from -1 to 1.
# With "fixed_small" the variance of that step happens to be 0, and nothing is seen.
#
# Seen: 0.0755 for fixed_large, below 1e-6 for fixed_small. Expected: 0 for both. Exits with an error if that has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install --quiet "diffusers==0.42.1" "torch==2.13.0"
"$place/env/bin/python" - <<'PY'
import torch
from diffusers import DDPMScheduler

noise = {}
for kind in ("fixed_large", "fixed_small"):
    scheduler = DDPMScheduler(timestep_spacing="trailing", clip_sample=False, variance_type=kind)
    scheduler.set_timesteps(50)
    t = int(scheduler.timesteps[-1])
    assert t == 19 and int(scheduler.previous_timestep(t)) < 0, t  # the step leads to the clean picture
    x = torch.zeros(1, 1, 64, 64)
    out = scheduler.step(torch.zeros_like(x), t, x, generator=torch.Generator().manual_seed(0))
    noise[kind] = float((out.prev_sample - out.pred_original_sample).std())
    print(f"{kind}: standard deviation of what the last step adds: {noise[kind]:.4g}")
assert abs(noise["fixed_large"] - 0.0755) < 0.002, noise
assert noise["fixed_small"] < 1e-6, noise
PY

#!/usr/bin/env bash
# diffusers 0.42.1, DDIMScheduler and DDPMScheduler with timestep_spacing="trailing" and 1000 training steps.
#
# Asked for 61 inference steps, set_timesteps gives 62 timesteps, and the last of them is -1. It happens for 62 of the
# step counts 1..1000: a range with a fractional step has, through rounding, one entry more than wanted, a tiny positive
# number, which is rounded to 0 and then lowered by 1. The network is then asked at timestep -1, and the table of
# alphas_cumprod, indexed by -1, gives its noisiest entry for the cleanest picture.
#
# Seen: 62 timesteps, ending in 32, 15, -1; alphas_cumprod[-1] = 4.0e-05. Expected: 61 timesteps within 0..999.
# Exits with an error if that has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install --quiet "diffusers==0.42.1" "torch==2.13.0"
"$place/env/bin/python" - <<'PY'
from diffusers import DDIMScheduler, DDPMScheduler

for kind in (DDIMScheduler, DDPMScheduler):
    wrong = []
    for n in range(1, 1001):
        scheduler = kind(timestep_spacing="trailing")
        scheduler.set_timesteps(n)
        if len(scheduler.timesteps) != n:
            assert len(scheduler.timesteps) == n + 1
            assert int(scheduler.timesteps[-1]) == -1
            wrong.append(n)
    print(f"{kind.__name__}: one timestep too many for {len(wrong)} of 1000 step counts: {wrong[:6]} ...")
    assert len(wrong) == 62, wrong
    assert wrong[:4] == [61, 103, 121, 122], wrong[:4]
    scheduler.set_timesteps(61)
    print("for 61 steps:", len(scheduler.timesteps), scheduler.timesteps[-3:].tolist())
    print("alphas_cumprod at the timestep -1:", float(scheduler.alphas_cumprod[-1]))
    assert scheduler.timesteps[-3:].tolist() == [32, 15, -1]
    assert float(scheduler.alphas_cumprod[-1]) < 1e-4
PY

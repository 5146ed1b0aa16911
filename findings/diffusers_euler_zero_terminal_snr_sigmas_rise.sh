#!/usr/bin/env bash
# diffusers 0.42.1, EulerDiscreteScheduler(rescale_betas_zero_snr=True) with its default betas, all 1000 steps.
#
# A solver walks down the noise levels (sigmas). With zero terminal SNR the first sigma would be infinite, so the last
# entry of alphas_cumprod is replaced by 2**-24, which makes it 4096. But the entry before it is smaller than that,
# 4.2e-09, so its sigma is 15406: the walk goes *up* in its first step, from 4096 to 15406, and the table alphas_cumprod
# rises at its end. With few steps and "trailing" spacing that entry is not visited, and nothing is seen.
#
# Seen: sigmas 4096, 15406, 7668, ...; alphas_cumprod ends in 4.2e-09, 6.0e-08. Expected: both tables fall.
# Exits with an error if that has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/env"
"$place/env/bin/pip" install --quiet "diffusers==0.42.1" "torch==2.13.0"
"$place/env/bin/python" - <<'PY'
from diffusers import EulerDiscreteScheduler

scheduler = EulerDiscreteScheduler(rescale_betas_zero_snr=True)
scheduler.set_timesteps(1000)
sigmas = scheduler.sigmas[:3].tolist()
ends = scheduler.alphas_cumprod[-2:].tolist()
print("first sigmas:", sigmas)
print("last alphas_cumprod:", ends)
assert round(sigmas[0]) == 4096
assert sigmas[1] > 3 * sigmas[0] > sigmas[2]
assert ends[1] > 10 * ends[0]
PY

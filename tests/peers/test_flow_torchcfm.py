"""Flow matching against torchcfm (paths, targets, couplings) and POT (the optimal plan).

torchcfm's x0 is the noise and its x1 the data. The test extra does not name it, for it asks for Lightning and
two dozen packages that what is compared here never imports; ``make setup`` installs it without them.
"""

import os

import pytest
import torch

from minidiff import flow

try:
    from torchcfm.conditional_flow_matching import (
        ConditionalFlowMatcher,
        VariancePreservingConditionalFlowMatcher,
    )
    from torchcfm.optimal_transport import OTPlanSampler
except ImportError:
    if os.environ.get("CI", "").lower() in ("1", "true"):
        raise
    pytest.skip("needs: pip install --no-deps torchcfm pot", allow_module_level=True)

F64 = torch.float64
MATCHERS = {
    flow.ot_path(): ConditionalFlowMatcher(sigma=0.0),
    flow.trigonometric_path(): VariancePreservingConditionalFlowMatcher(sigma=0.0),
}


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    g = gen()
    return tuple(torch.randn(shape, generator=g, dtype=F64) for _ in range(2))


@pytest.mark.parametrize(("path", "matcher"), MATCHERS.items(), ids=map(str, MATCHERS))
@pytest.mark.parametrize("shape", [(7, 2), (7, 1, 4, 4)])
def test_points_and_velocities_are_theirs(path, matcher, shape):
    noise, data = batch(*shape)
    given = torch.linspace(0, 1, 7, dtype=F64)
    t, x_t, u_t = matcher.sample_location_and_conditional_flow(noise, data, t=given)
    ours_x, ours_u = flow.on_path(noise, data, t, path)
    torch.testing.assert_close(ours_x, x_t, rtol=0, atol=1e-14)
    torch.testing.assert_close(ours_u, u_t, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("path", "matcher"), MATCHERS.items(), ids=map(str, MATCHERS))
def test_the_loss_is_theirs(path, matcher):
    noise, data = batch(9, 2)
    given = torch.rand(9, generator=gen(1), dtype=F64)
    t, x_t, u_t = matcher.sample_location_and_conditional_flow(noise, data, t=given)
    expected = (x_t.sin() - u_t).square().mean()
    ours = flow.matching_loss(lambda x, t: x.sin(), data, noise=noise, t=t, path=path)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("n", [1, 2, 17, 128])
@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)])
def test_the_coupling_is_their_exact_plan(n, shape):
    noise, data = batch(n, *shape)
    plan = torch.from_numpy(OTPlanSampler("exact").get_map(noise, data))  # (noise, data)
    order = flow.ot_coupling(noise, data)
    ours = torch.zeros(n, n, dtype=F64)
    ours[order, torch.arange(n)] = 1 / n
    torch.testing.assert_close(ours, plan, rtol=0, atol=1e-12)

"""eps, x0, v and score: each made by its definition, then turned into each other."""

from itertools import permutations

import pytest
import torch

import minidiff as md
from minidiff.base.model import KINDS
from minidiff.chain.convert import EQUATIONS

F64 = torch.float64
SCHEDULE = md.linear_schedule(12, 0.05, 0.4)
TIMES = [1, 6, 12, torch.tensor([1, 7, 12])]


def four_kinds(t) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """x_t and what each kind of prediction ought to say, from the definitions alone."""
    generator = torch.Generator().manual_seed(0)
    x_0, eps = (torch.randn(3, 2, 2, generator=generator, dtype=F64) for _ in range(2))
    alpha_bar = SCHEDULE.alpha_bar[t].reshape(-1, 1, 1)
    x_t = (alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps).requires_grad_()
    log_q = -((x_t - alpha_bar.sqrt() * x_0) ** 2 / (2 * (1 - alpha_bar))).sum()
    (score,) = torch.autograd.grad(log_q, x_t)
    v = alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * x_0
    return x_t.detach(), {"eps": eps, "x0": x_0, "v": v, "score": score}


def test_the_table_is_complete():
    assert set(EQUATIONS) == set(permutations(KINDS, 2))
    assert set(KINDS) == {"eps", "x0", "v", "score"}


@pytest.mark.parametrize("t", TIMES, ids=str)
@pytest.mark.parametrize(("source", "target"), list(permutations(KINDS, 2)))
def test_each_conversion_is_its_definition(source, target, t):
    x_t, kinds = four_kinds(t)
    made = md.convert(kinds[source], x_t, t, SCHEDULE, source=source, target=target)
    torch.testing.assert_close(made, kinds[target], rtol=0, atol=1e-12)
    named = getattr(md, f"{target}_from_{source}")(x_t, kinds[source], t, SCHEDULE)
    assert torch.equal(named, made)


@pytest.mark.parametrize("t", TIMES, ids=str)
@pytest.mark.parametrize(("there", "back"), list(permutations(KINDS, 2)))
def test_there_and_back_is_the_identity_for_any_prediction(there, back, t):
    """Networks say what they like: no clean picture need stand behind a prediction."""
    generator = torch.Generator().manual_seed(1)
    x_t, said = (torch.randn(3, 2, 2, generator=generator, dtype=F64) for _ in range(2))
    other = md.convert(said, x_t, t, SCHEDULE, source=there, target=back)
    again = md.convert(other, x_t, t, SCHEDULE, source=back, target=there)
    torch.testing.assert_close(again, said, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_turned_into_itself_is_untouched(kind):
    x_t, kinds = four_kinds(6)
    same = md.convert(kinds[kind], x_t, 6, SCHEDULE, source=kind, target=kind)
    assert torch.equal(same, kinds[kind])


def test_gradients_pass_through():
    x_t = torch.ones(1, 2, dtype=F64)
    eps = torch.ones(1, 2, dtype=F64, requires_grad=True)
    md.x0_from_eps(x_t, eps, 6, SCHEDULE).sum().backward()
    weight = -((1 - SCHEDULE.alpha_bar[6]) / SCHEDULE.alpha_bar[6]).sqrt()
    torch.testing.assert_close(eps.grad, weight.expand(1, 2))


class TestZeroTerminalSNR:
    schedule = md.NoiseSchedule([0.5, 1.0], zero_terminal_snr=True)
    x = torch.full((2, 2), 0.5, dtype=F64)

    @pytest.mark.parametrize("source", ["eps", "score"])
    @pytest.mark.parametrize("target", ["x0", "v"])
    @pytest.mark.parametrize("t", [2, torch.tensor([1, 2])], ids=str)
    def test_what_divides_by_zero_is_refused(self, source, target, t):
        with pytest.raises(ValueError, match=r"alpha_bar = 0 at t = 2 .*predict 'v' or 'x0'"):
            md.convert(self.x, self.x, t, self.schedule, source=source, target=target)

    def test_v_is_fine_there(self):
        assert torch.equal(md.x0_from_v(self.x, 2 * self.x, 2, self.schedule), -2 * self.x)
        assert torch.equal(md.eps_from_v(self.x, 2 * self.x, 2, self.schedule), self.x)

    def test_eps_is_fine_before(self):
        assert torch.isfinite(md.x0_from_eps(self.x, self.x, 1, self.schedule)).all()

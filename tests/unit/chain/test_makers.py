"""Further schedules against their formulas, written as loops."""

import math
import warnings

import pytest
import torch

import minidiff as md


def sigmoid(u: float) -> float:
    return 1 / (1 + math.exp(-u))


@pytest.mark.parametrize(
    ("T", "beta_1", "beta_T"), [(1000, 8.5e-4, 0.012), (7, 0.1, 0.3), (2, 0.5, 0.1), (1, 0.2, 0.3)]
)
def test_the_root_of_beta_is_a_straight_line(T, beta_1, beta_T):
    first, last = math.sqrt(beta_1), math.sqrt(beta_T)
    expected = [(first + (t - 1) / max(T - 1, 1) * (last - first)) ** 2 for t in range(1, T + 1)]
    schedule = md.scaled_linear_schedule(T, beta_1, beta_T)
    assert schedule.beta[1:].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("T", "beta_1", "beta_T"), [(1000, 1e-4, 0.02), (7, 0.1, 0.3)])
def test_beta_follows_a_sigmoid(T, beta_1, beta_T):
    share = [sigmoid(-6 + 12 * (t - 1) / (T - 1)) for t in range(1, T + 1)]
    expected = [beta_1 + (beta_T - beta_1) * s for s in share]
    schedule = md.sigmoid_beta_schedule(T, beta_1, beta_T)
    assert schedule.beta[1:].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("T", "start", "end", "tau"),
    [(1000, -3, 3, 1.0), (1000, 0, 3, 0.9), (50, -3, 3, 0.3), (1, -3, 3, 1.0), (9, -20, 3, 1.0)],
)
def test_what_is_left_follows_a_sigmoid(T, start, end, tau):
    first, last = sigmoid(start / tau), sigmoid(end / tau)
    g = [sigmoid((start + t / T * (end - start)) / tau) for t in range(T + 1)]
    schedule = md.sigmoid_schedule(T, start, end, tau)
    # up to the last step, where nothing would be left and β stops at 0.999
    expected = [(last - value) / (last - first) for value in g[:-1]]
    assert schedule.alpha_bar[:-1].tolist() == pytest.approx(expected, abs=1e-12)
    assert float(schedule.beta[T]) == 0.999
    assert float(schedule.beta[:T].max()) < 0.999


def test_the_two_sigmoids_are_not_the_same_and_say_which_they_are():
    beta, alpha_bar = md.sigmoid_beta_schedule(), md.sigmoid_schedule()
    assert (beta.name, alpha_bar.name) == ("sigmoid beta", "sigmoid")
    assert float((beta.alpha_bar - alpha_bar.alpha_bar).abs().max()) > 0.1
    # each is the same seen from its middle: the one in β, the other in ᾱ
    halves = beta.beta[1:] + beta.beta[1:].flip(0)
    torch.testing.assert_close(halves, halves[:1].expand(1000), rtol=0, atol=1e-12)
    halves = alpha_bar.alpha_bar[1:-1] + alpha_bar.alpha_bar[1:-1].flip(0)
    torch.testing.assert_close(halves, torch.ones_like(halves), rtol=0, atol=1e-12)


MAKERS = [md.scaled_linear_schedule, md.sigmoid_beta_schedule]


@pytest.mark.parametrize("make", [*MAKERS, md.linear_schedule])
def test_too_few_steps_warn_under_the_makers_name_and_at_the_callers_line(make):
    message = rf"^{make.__name__}: beta from .*T = 100, .*rescale=True"
    with pytest.warns(UserWarning, match=message) as caught:
        make(100)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("make", MAKERS)
def test_rescaled_ends_reach_about_the_same_noise(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole, short = make(), make(100, rescale=True)
        make(100, 0.001, 0.01)  # ends of one's own are one's own affair
    torch.testing.assert_close(short.beta[100], 10 * whole.beta[1000], rtol=1e-12, atol=0)
    ratio = float(short.alpha_bar[-1].log() / whole.alpha_bar[-1].log())
    assert ratio == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "schedule",
    [
        md.linear_schedule(),
        md.cosine_schedule(),
        md.scaled_linear_schedule(),
        md.NoiseSchedule([0.1, 0.4]),
    ],
    ids=str,
)
def test_nothing_is_left_and_the_first_step_is_kept(schedule):
    made = md.rescale_zero_terminal_snr(schedule)
    assert (made.T, float(made.alpha_bar[-1]), float(made.beta[-1])) == (schedule.T, 0, 1)
    assert made.alpha_bar[1] == schedule.alpha_bar[1]
    assert made.name == f"{schedule.name}, zero terminal SNR"
    # √ᾱ is shifted and scaled: one straight line takes the old one to the new one
    old, new = schedule.alpha_bar[1:].sqrt(), made.alpha_bar[1:].sqrt()
    slope = old[0] / (old[0] - old[-1])
    torch.testing.assert_close(new, slope * (old - old[-1]), rtol=0, atol=1e-12)


def test_a_schedule_that_leaves_nothing_stays_as_it_is():
    once = md.rescale_zero_terminal_snr(md.linear_schedule())
    twice = md.rescale_zero_terminal_snr(once)
    torch.testing.assert_close(twice.beta, once.beta, rtol=0, atol=1e-12)


def test_stable_diffusions_latents_are_never_pure_noise():
    """The figure in Lin et al.: 0.068265 of the signal at the last step."""
    left = float(md.scaled_linear_schedule().alpha_bar[-1].sqrt())
    assert left == pytest.approx(0.068265, abs=5e-7)

"""Programs as students write them, each with one slip: it is named whatever the reference looks like."""

import math

import pytest
import torch
from mutants import exercise_files

from minidiff.check.bank import load
from minidiff.check.ladder import climb

FILES = exercise_files()
PROGRAMS = []


def told(*words):
    """Mark a program with what is said about it."""

    def take(program):
        PROGRAMS.append((program, words))
        return program

    return take


def numbers(x, t):
    return x[t].reshape(-1, 1, 1, 1)


# ---- squares and brackets ----------------------------------------------------------------------


@told("only the second part of mean_1 - mean_2 is squared")
def gaussian_kl(mean_1, var_1, mean_2, var_2):
    half = torch.log(var_2) - torch.log(var_1) + var_1 / var_2 - 1
    return (half + (mean_1 - mean_2**2) / var_2) / 2


@told("the mean is taken first, and squared after it")
def simple_loss(eps_model, x_0, t, noise, schedule):
    a = numbers(schedule.alpha_bar, t).float()
    error = eps_model(a.sqrt() * x_0 + (1 - a).sqrt() * noise, t) - noise
    return torch.square(torch.mean(error))


@told("only s is divided by 1 + s")
def cosine_betas(T, s):
    def f(t):
        return math.cos((t / T + s / (1 + s)) * math.pi / 2) ** 2

    return torch.tensor([min(1 - f(t) / f(t - 1), 0.999) for t in range(1, T + 1)])


@told("only velocity(x, t) is multiplied by (s - t) / 2")
def heun_step(velocity, x, t, s):
    h, v = s - t, velocity(x, t)
    return x + h * v / 2 + velocity(x + h * v, s)


@told("is divided by 1 - ᾱ_t, not")
def posterior_between(x_t, x_0, t, s, schedule):
    a, b = float(schedule.alpha_bar[s]), float(schedule.alpha_bar[t])
    of_x_0, of_x_t = math.sqrt(a) * (1 - b / a), math.sqrt(b / a) * (1 - a) / (1 - b)
    return of_x_0 * x_0 + of_x_t * x_t, (1 - a) * (1 - b / a) / (1 - b)


@told("the root is taken of ᾱ_t alone, not of 1 - ᾱ_t")
def predict_x0(x_t, t, eps, schedule):
    a = float(schedule.alpha_bar[t])
    return (x_t - (1 - math.sqrt(a)) * eps) / math.sqrt(a)


# ---- roots, terms and factors ----------------------------------------------------------------


@told("the division by 1 - ᾱ_t is left out")
def q_posterior(x_t, x_0, t, schedule):
    b, now, before = (float(x) for x in (schedule.beta[t], *schedule.alpha_bar[[t, t - 1]]))
    mean = math.sqrt(1 - b) * (1 - before) / (1 - now) * x_t + math.sqrt(before) * b * x_0
    return mean, (1 - before) / (1 - now) * b


@told("the root of 1 - ᾱ_s is left out")
def ddim_step(eps, x_t, t, s, schedule):
    a_t, a_s = schedule.alpha_bar[[t, s]].tolist()
    clean = (x_t.double() - (1 - a_t) ** 0.5 * eps) / a_t**0.5
    return a_s**0.5 * clean + (1 - a_s) * eps


@told("1 is left out")
def rescaled_eps(guided, conditional, phi):
    ratio = conditional.flatten(1).std(1) / guided.flatten(1).std(1)
    return (phi * ratio - phi).view(-1, 1, 1, 1) * guided


@told("You gave the standard deviation")
def q_posterior_with_a_deviation(x_t, x_0, t, schedule):
    mean, variance = load(FILES["q_posterior"]).solution(x_t, x_0, t, schedule)
    return mean, math.sqrt(variance)


@told("(… output … β̃_t …) is subtracted, not added, or when 1 is subtracted from (output + 1) / 2")
def learned_log_variance(output, t, schedule):
    high, low = math.log(schedule.beta[t]), math.log(schedule.beta_tilde[t])
    return (output + 1) / 2 * high - (0.5 - 0.5 * output) * low


# ---- times, tables and arguments -------------------------------------------------------------


@told("looked up at t - 1")
def mean_from_eps(x_t, t, schedule, eps):
    i = (t - 1).clamp(min=1)
    beta, left = numbers(schedule.beta, i), numbers(schedule.alpha_bar, i)
    return (x_t - beta / (1 - left).sqrt() * eps) / (1 - beta).sqrt()


@told("looked up at t - 1")
def v_from_eps(x_t, eps, t, schedule):
    a = numbers(schedule.alpha_bar, t - 1)
    return (eps - (1 - a).sqrt() * x_t) / a.sqrt()


@told("looked up at t - 1")
def eps_from_v(x_t, v, t, schedule):
    rows = []
    for x, u, time in zip(x_t, v, t.tolist(), strict=True):
        a = float(schedule.alpha_bar[time - 1])
        rows.append(math.sqrt(1 - a) * x + math.sqrt(a) * u)
    return torch.stack(rows)


@told("x_t and eps are exchanged")
def predict_x0_with_another_order(eps, t, x_t, schedule):
    a = float(schedule.alpha_bar[t])
    return x_t / math.sqrt(a) - math.sqrt(1 / a - 1) * eps


@told("Your time runs the other way")  # the exercise's own words come first
def flow_pair(data, noise, t):
    t = t.view(-1, 1, 1, 1)
    return noise + t * (data - noise), data - noise


@told("β̃ stands in the place of β")
def ddpm_step(eps, x_t, t, schedule, z):
    a, left = float(schedule.alpha[t]), float(schedule.alpha_bar[t])
    tilde = float(schedule.beta_tilde[t])
    return (x_t - tilde / math.sqrt(1 - left) * eps) / math.sqrt(a) + math.sqrt(tilde) * z


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("program", "words"), PROGRAMS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_slip_is_named_in_any_form(program, words):
    exercise = load(FILES[program.__name__.partition("_with_")[0]])
    feedback = climb(exercise, program)
    for word in words:
        assert word in feedback.message, feedback
    assert feedback.mistake is not None

"""Convention 11, continued: the continuous face, further schedules, solvers and inversion.

A row is as in test_bad_input.py, whose check of completeness reads this table as well.
"""

import math
from collections.abc import Iterator

import torch
from bad_input import (
    WRONG_KIND,
    WRONG_SCHEDULE,
    WRONG_SHAPE,
    WRONG_TIMES,
    ZERO_SNR,
    Row,
    S,
    X,
    each_of,
    eps_model,
    refused,
    rows,
    wrong_count,
    wrong_floats,
    wrong_fraction,
)

import minidiff as md

FACE = S.continuous
NOT_REAL = [
    ("a word", "5", TypeError, ("must be a", "'5' (str)")),
    ("None", None, TypeError, ("must be a", "None")),
    ("a list", [1.0], TypeError, ("must be a", "[1.0] (list)")),
    ("a bool", True, TypeError, ("must be a", "True (bool)")),
    ("a bool tensor", torch.ones(3).bool(), TypeError, ("real numbers", "torch.bool")),
    ("a complex tensor", torch.ones(3).cfloat(), TypeError, ("real numbers", "torch.complex64")),
]


def continuous_rows() -> Iterator[Row]:
    wrong_t = [
        *[(what, value, kind, ("t must", *words[1:])) for what, value, kind, words in NOT_REAL],
        ("below 0", -0.1, IndexError, ("t = -0.1", "[0, 12]")),
        ("above T", 12.5, IndexError, ("t = 12.5", "[0, 12]")),
        ("NaN", math.nan, IndexError, ("t = nan", "[0, 12]")),
        ("below 0 in a tensor", torch.tensor([1, -0.5]), IndexError, ("t = -0.5", "[0, 12]")),
        ("above T in a tensor", torch.tensor([[13, 1]]), IndexError, ("t = 13", "[0, 12]")),
        ("NaN in a tensor", torch.tensor([math.nan]), IndexError, ("t = nan", "[0, 12]")),
    ]
    for name in ("alpha", "sigma", "log_snr"):
        yield from rows(f"ContinuousSchedule's {name}", "t", wrong_t, getattr(FACE, name))
    least = f"{FACE.log_snr(12):.6g}"
    wrong_log_snr = [
        *[(what, v, kind, ("log_snr must", *words[1:])) for what, v, kind, words in NOT_REAL],
        ("too low", -50.0, ValueError, ("log_snr = -50", least, "T = 12")),
        ("NaN", math.nan, ValueError, ("log_snr = nan", least)),
        ("-infinity", -math.inf, ValueError, ("log_snr = -inf", least)),
        ("too low in a tensor", torch.tensor([1, -50.0]), ValueError, ("log_snr = -50", least)),
    ]
    who = "ContinuousSchedule's t_of_log_snr"
    yield from rows(who, "log_snr", wrong_log_snr, FACE.t_of_log_snr)
    who = "ContinuousSchedule's times"
    ends = [
        ("the wrong way round", (1.0, 9.0), ValueError, ("start = 1, end = 9", "T = 12")),
        ("equal", (9.0, 9.0), ValueError, ("start = 9, end = 9",)),
        ("above T", (13.0, 1.0), ValueError, ("start = 13, end = 1", "(0, T = 12]")),
        ("an end in 0", (12.0, 0.0), ValueError, ("end = 0", "infinite")),
        ("a word", ("T", 1.0), TypeError, ("start must be a number", "'T'")),
        ("NaN", (12.0, math.nan), ValueError, ("end must lie", "nan")),
    ]
    yield from rows(who, "ends", ends, lambda v: FACE.times(*v, 5))
    yield from rows(who, "steps", wrong_count("steps"), lambda v: FACE.times(12.0, 1.0, v))


def maker_rows() -> Iterator[Row]:
    for function in (md.scaled_linear_schedule, md.sigmoid_beta_schedule):
        who = function.__name__
        for name in ("beta_1", "beta_T"):
            yield from rows(
                who, name, wrong_fraction(name), lambda v, f=function, n=name: f(**{n: v})
            )
        too_few = [("T = 10", 10, ValueError, ("T = 10", "beta_T", "must stay below 1"))]
        yield from rows(who, "rescale", too_few, lambda v, f=function: f(v, rescale=True))
    who = "sigmoid_schedule"
    order = [
        ("falling", (3.0, -3.0), ValueError, ("start must be below end", "start = 3, end = -3")),
        ("equal", (1.0, 1.0), ValueError, ("start must be below end", "start = 1, end = 1")),
        ("flat", (-3.0, 30.0), ValueError, ("[-20, 20]", "end = 30", "tau = 1")),
    ]
    yield from rows(who, "ends", order, lambda v: md.sigmoid_schedule(start=v[0], end=v[1]))
    wrong_tau = [
        ("0", 0, ValueError, ("tau must lie in (0, inf)", "got 0")),
        ("negative", -1.0, ValueError, ("tau must lie in (0, inf)", "got -1.0")),
        ("flat", 0.1, ValueError, ("[-20, 20]", "tau = 0.1")),
        ("a word", "1", TypeError, ("tau must be a number", "'1'")),
    ]
    yield from rows(who, "tau", wrong_tau, lambda v: md.sigmoid_schedule(tau=v))
    who = "rescale_zero_terminal_snr"
    one = [("one step", md.NoiseSchedule([0.5]), ValueError, ("schedule has T = 1", "T >= 2"))]
    yield from rows(who, "schedule", one, md.rescale_zero_terminal_snr)


def solver_rows() -> Iterator[Row]:
    more_than_T = ("more than T", 13, ValueError, ("steps must be at most T = 12", "got 13"))
    wrong_steps = [*wrong_count("steps"), more_than_T]
    for function in (md.solver_steps, md.heun_sample, md.dpm_solver_sample):
        who = function.__name__

        def call(schedule=S, shape=(3, 1, 8, 8), model=eps_model, f=function, **options):
            if f is not md.solver_steps:
                options = {"steps": None, **options}
            made = f(model, schedule, shape, **options)
            return list(made) if f is md.solver_steps else made

        yield from rows(who, "schedule", WRONG_SCHEDULE, lambda v, c=call: c(v))
        yield from rows(who, "shape", WRONG_SHAPE, lambda v, c=call: c(shape=v))
        neither = [("missing", None, ValueError, ("shape=(B, ...)", "x_T="))]
        yield from rows(who, "shape", neither, lambda v, c=call: c(shape=v))
        yield from rows(who, "steps", wrong_steps, lambda v, c=call: c(steps=v))
        yield from rows(who, "times", WRONG_TIMES, lambda v, c=call: c(times=v))
        both = [("beside steps", [12, 0], ValueError, ("steps=", "times=", "steps=3"))]
        yield from rows(who, "times", both, lambda v, c=call: c(times=v, steps=3))
        wrong_x_T = [row for row in wrong_floats("x_T") if row[0] != "None"]
        yield from rows(who, "x_T", wrong_x_T, lambda v, c=call: c(shape=None, x_T=v))
        other = [("another shape", X[:2], ValueError, ("(3, 1, 8, 8)", "x_T", "(2, 1, 8, 8)"))]
        yield from rows(who, "x_T", other, lambda v, c=call: c(x_T=v))
        yield from rows(who, "kind", WRONG_KIND, lambda v, c=call: c(kind=v))
        blind = [("ᾱ = 0", "eps", ValueError, ("alpha_bar = 0 at t = 2", "'eps'", "'v' or 'x0'"))]
        yield from rows(who, "kind", blind, lambda v, c=call: c(schedule=ZERO_SNR, kind=v))
        answers = [
            ("another shape", X[:1], ValueError, ("what eps_model returned", "(1, 1, 8, 8)")),
            ("a triple", (X, X, X), TypeError, ("the pair (prediction, v)", "tuple")),
            ("NaN", X * math.nan, ValueError, ("NaN or infinity", "eps_model")),
        ]
        yield from rows(
            who, "eps_model's answer", answers, lambda v, c=call: c(model=lambda x, t: v, steps=2)
        )
    endless = [("ᾱ_T = 0", ZERO_SNR, ValueError, ("log-SNR at start = 2 is -infinity",))]
    yield from rows("log_snr_times", "schedule", endless, lambda v: md.log_snr_times(v, 2))


def inversion_rows() -> Iterator[Row]:
    def call(x=X, schedule=S, model=eps_model, **options):
        return md.invert(model, schedule, x, **{"steps": None, **options})

    yield from rows("invert", "kind", WRONG_KIND, lambda v: call(kind=v))
    answers = [
        ("another shape", X[:1], ValueError, ("what eps_model returned", "(1, 1, 8, 8)")),
        ("a triple", (X, X, X), TypeError, ("the pair (prediction, v)", "tuple")),
    ]
    yield from rows("invert", "eps_model's answer", answers, lambda v: call(model=lambda x, t: v))
    one = X + 1
    ways = [
        ("0", X, ValueError, ("x_b is 0", "no direction")),
        ("the opposite", -2 * one, ValueError, ("x_a and x_b are opposite",)),
    ]
    yield from rows("slerp", "x_b", ways, lambda v: md.slerp(one, v, 0.5))
    weights = [
        ("below 0", -0.1, ValueError, ("weight must lie in [0, 1]", "-0.1")),
        ("above 1", 1.1, ValueError, ("weight must lie in [0, 1]", "1.1")),
        ("NaN", math.nan, ValueError, ("weight must lie in [0, 1]", "nan")),
        ("a word", "half", TypeError, ("weight must be a number", "'half'")),
        ("integers", torch.ones(3).long(), TypeError, ("weight", "torch.int64")),
        ("another batch", torch.ones(2), ValueError, ("weight must be one number", "(3,)", "(2,)")),
        ("above 1 in a tensor", torch.tensor([0, 1.5, 1]), ValueError, ("weight must lie", "1.5")),
        ("below 0 in a tensor", torch.tensor([0, -1.5, 1]), ValueError, ("weight must", "-1.5")),
        ("NaN in a tensor", torch.tensor([0, math.nan, 1]), ValueError, ("weight", "NaN")),
    ]
    yield from rows("slerp", "weight", weights, lambda v: md.slerp(one, one, v))


TABLE = [
    *continuous_rows(),
    *maker_rows(),
    *solver_rows(),
    *inversion_rows(),
]


@each_of(TABLE)
def test_what_is_wrong_is_refused_and_named(call, kind, words):
    refused(call, kind, words)

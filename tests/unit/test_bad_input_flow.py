"""Convention 11, continued: flow matching.

A row is as in test_bad_input.py, whose check of completeness reads this table as well.
"""

import inspect
import math
from collections.abc import Callable, Iterator

import torch
from bad_input import (
    INF,
    NAN,
    WRONG_BATCH_OF_LABELS,
    WRONG_LABELS,
    ZERO_SNR,
    Row,
    S,
    X,
    Y,
    each_of,
    labelled,
    refused,
    rows,
    wrong_count,
    wrong_floats,
    wrong_shapes,
)

import minidiff as md
from minidiff import flow

PAIRS = torch.zeros(3, 2, 1, 8, 8)
MEANS = torch.zeros(4, 1, 8, 8)


def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return 0 * x


HINT = "0 (noise) to 1 (data)"
OUT_OF_RANGE = [
    ("below 0", -0.1, ValueError, ("t = -0.1 is outside [0, 1]", HINT)),
    ("a step of 1..T", 500, ValueError, ("t = 500 is outside [0, 1]", HINT)),
    ("NaN", math.nan, ValueError, ("t = nan is outside", HINT)),
    (
        "above 1 in a tensor",
        torch.tensor([0.5, 1.5, 7]),
        ValueError,
        ("t = 1.5 is outside [0, 1]", HINT),
    ),
    (
        "NaN in a tensor",
        torch.tensor([0.5, math.nan, 0]),
        ValueError,
        ("t = nan is outside", HINT),
    ),
]
WRONG_KIND_OF_TIME = [
    ("a word", "0.5", TypeError, ("t must be", "'0.5' (str)")),
    ("a bool", True, TypeError, ("t must be", "True (bool)")),
    ("a list", [0.1, 0.2, 0.3], TypeError, ("t must be", "(list)")),
    ("integers", torch.ones(3).long(), TypeError, ("t must hold floats", "torch.int64", HINT)),
]
WRONG_BATCH_OF_TIMES = [
    ("another batch", torch.zeros(2), ValueError, ("t must have shape (3,)", "(2,)")),
    ("a column", torch.zeros(3, 1), ValueError, ("t must have shape (3,)", "(3, 1)")),
    ("zero-dimensional", torch.tensor(0.5), ValueError, ("t must have shape (3,)", "()")),
]
WRONG_TIME = [*OUT_OF_RANGE, *WRONG_KIND_OF_TIME, *WRONG_BATCH_OF_TIMES]
WRONG_PATH = [
    ("a word", "ot", TypeError, ("path must be a Path", "flow.ot_path()", "'ot' (str)")),
    ("its maker", flow.ot_path, TypeError, ("path must be a Path", "(function)")),
]
WRONG_SOLVER = [
    (
        "unknown",
        "ddim",
        ValueError,
        ("solver must be one of 'euler', 'midpoint', 'heun', 'rk4', 'dopri5'", "'ddim'"),
    )
]
WRONG_TOLERANCE = [
    ("0", 0, ValueError, ("tolerance must lie in (0, 1)", "got 0")),
    ("a word", "1e-5", TypeError, ("tolerance must be a number", "'1e-5'")),
]
WRONG_WALK = [
    ("neither way", [0, 0.5, 0.2], ValueError, ("times must rise", "[0.0, 0.5, 0.2]")),
    ("a time twice", [0, 0.5, 0.5], ValueError, ("times must rise", "[0.0, 0.5, 0.5]")),
    ("one time", [0], ValueError, ("times must rise", "[0.0]")),
    ("empty", [], ValueError, ("times must rise", "[]")),
    ("steps of 1..T", [1000, 500, 0], ValueError, ("t = 1000 is outside [0, 1]", HINT)),
    ("a number", 0.5, TypeError, ("times must be a list", "0.5 (float)")),
    ("words", ["0", "1"], TypeError, ("times[0] must be a number", "'0' (str)")),
]
WRONG_ANSWER = [
    ("another shape", X[:1], ValueError, ("what velocity returned", "(1, 1, 8, 8)")),
    ("a pair", (X, X), TypeError, ("what velocity returned", "(tuple)")),
]
WRONG_NOISE = [row for row in wrong_floats("noise") if row[0] != "None"]  # None: drawn


def path_rows() -> Iterator[Row]:
    starts = [
        ("0", 0, ValueError, ("beta_min must lie in (0, inf)", "got 0")),
        ("above the end", 30.0, ValueError, ("beta_max must lie in [30, inf]", "20")),
        ("a word", "0.1", TypeError, ("beta_min must be a number", "'0.1'")),
    ]
    yield from rows("vp_path", "beta_min", starts, flow.vp_path)
    ends = [
        ("below the start", 0.05, ValueError, ("beta_max must lie in [0.1, inf]", "0.05")),
        ("NaN", math.nan, ValueError, ("beta_max", "nan")),
    ]
    yield from rows("vp_path", "beta_max", ends, lambda v: flow.vp_path(0.1, v))
    yield from rows("Path", "t", [*OUT_OF_RANGE, *WRONG_KIND_OF_TIME], flow.ot_path())
    late = [("beyond the end", 1.0, ValueError, ("t = 1 is outside [0, 0.99999]", HINT))]
    for function in (flow.on_path, flow.data_and_noise):
        who = function.__name__
        yield from rows(who, "t", late, lambda v, f=function: f(X, X, v, flow.vp_path()))


def exact_rows() -> Iterator[Row]:
    def call(means=MEANS, std=0.5, **options):
        return flow.exact_velocity(means, std, **options)

    flat = ("no batch", torch.zeros(4), ValueError, ("means", "(K, ...)", "(4,)"))
    yield from rows("exact_velocity", "means", [*wrong_floats("means", MEANS), flat], call)
    stds = [
        ("negative", -0.1, ValueError, ("std must be at least 0", "-0.1")),
        ("NaN", math.nan, ValueError, ("std must be finite", "nan")),
        ("a word", "wide", TypeError, ("std must be a number", "'wide'")),
        ("another number", torch.ones(3), ValueError, ("std", "shape (4,)", "(3,)")),
        ("of one example", torch.ones(1, 8, 8), ValueError, ("std", "(4, 1, 8, 8)", "(1, 8, 8)")),
    ]
    yield from rows("exact_velocity", "std", stds, lambda v: call(std=v))
    weights = [
        ("another number", torch.ones(3), ValueError, ("weights must be 4 positive numbers",)),
        ("0", torch.tensor([1.0, 0, 1, 1]), ValueError, ("weights must be 4 positive",)),
        ("a word", "even", TypeError, ("weights must be a number or a tensor", "'even'")),
    ]
    yield from rows("exact_velocity", "weights", weights, lambda v: call(weights=v))
    who, made = "exact_velocity's velocity", call()
    yield from rows(who, "x", wrong_floats("x")[:8], lambda v: made(v, 0.5))
    other = [("another example", X[..., :7], ValueError, ("x", "(B, 1, 8, 8)", "(3, 1, 8, 7)"))]
    yield from rows(who, "x", other, lambda v: made(v, 0.5))
    yield from rows(who, "t", WRONG_TIME, lambda v: made(X, v))


def walk_rows() -> Iterator[Row]:
    calls: dict[str, Callable] = {
        "flow_steps": lambda v=velocity, x=X, **o: list(flow.flow_steps(v, x, **o)),
        "sample": lambda v=velocity, x=X, **o: flow.sample(v, noise=x, **o),
        "invert": lambda v=velocity, x=X, **o: flow.invert(v, x, **o),
        "reflow_pairs": lambda v=velocity, x=X, **o: flow.reflow_pairs(v, x, **o),
        "straightness": lambda v=velocity, x=X, **o: flow.straightness(v, x, **o),
        "log_likelihood": lambda v=velocity, x=X, **o: flow.log_likelihood(v, x, **o),
    }
    for who, call in calls.items():
        name = "data" if who in ("invert", "log_likelihood") else "noise"
        wrong = WRONG_NOISE if who == "sample" else wrong_floats(name)
        low = 2 if who == "straightness" else 1
        wrong = wrong_count("steps")
        if low == 2:
            wrong = [("1", 1, ValueError, ("steps must be at least 2", "got 1")), *wrong[2:]]
        yield from rows(who, "steps", wrong, lambda v, c=call: c(steps=v))
        yield from rows(who, "velocity's answer", WRONG_ANSWER, lambda v, c=call: c(lambda x, t: v))
        if who in ("flow_steps", "sample"):
            yield from rows(who, "times", WRONG_WALK, lambda v, c=call: c(times=v))
            both = [("beside steps", [0, 1], ValueError, ("steps=", "times=", "steps=3"))]
            yield from rows(who, "times", both, lambda v, c=call: c(times=v, steps=3))
        if who != "log_likelihood":
            for what, bad in (("NaN", NAN), ("infinity", INF)):
                answers = [(what, bad, ValueError, ("NaN or infinity", "velocity"))]
                yield from rows(
                    who, "velocity's answer", answers, lambda v, c=call: c(lambda x, t: v)
                )
    neither = [("missing", None, ValueError, ("shape=(B, ...)", "noise="))]
    yield from rows("sample", "shape", neither, lambda v: flow.sample(velocity, v))
    other = [("another shape", X[:2], ValueError, ("(3, 1, 8, 8)", "noise", "(2, 1, 8, 8)"))]
    yield from rows("sample", "noise", other, lambda v: flow.sample(velocity, X.shape, noise=v))
    cut = [("cut off", X, ValueError, ("velocity returned", "cut off from x", "no_grad"))]
    yield from rows(
        "log_likelihood",
        "velocity's answer",
        cut,
        lambda v: calls["log_likelihood"](lambda x, t: v),
    )


def loss_rows() -> Iterator[Row]:
    def matching(net=labelled, x=X, s=None, **options):
        return flow.matching_loss(net, x, s, **options)

    def pairs(net=labelled, x=PAIRS, s=None, **options):
        return flow.pair_loss(net, x, s, **options)

    at_1 = torch.tensor([0.5, 1.0, 0.0])
    late = [("beyond the end", at_1, ValueError, ("t = 1 is outside [0, 0.99999]", HINT))]
    for who, call, name in (("matching_loss", matching, "data"), ("pair_loss", pairs, "pairs")):
        yield from rows(who, "t", late, lambda v, c=call: c(velocity, t=v, path=flow.vp_path()))

        def bare(x, t, c=call):
            return torch.zeros_like(x)

        like = X if name == "data" else PAIRS
        wrong = wrong_floats(name, like)
        numbers = [("a number", 0.5, TypeError, ("t must be floats (B,)", "0.5 (float)"))]
        wrong = [row for row in WRONG_TIME if isinstance(row[1], torch.Tensor)]
        yield from rows(who, "t", [*wrong, *numbers], lambda v, c=call, b=bare: c(b, t=v))
        one = [("an int", 3, TypeError, ("y must be a LongTensor", "3 (int)"))]
        wrong = [*WRONG_LABELS, *WRONG_BATCH_OF_LABELS, *one]
        yield from rows(who, "y", wrong, lambda v, c=call: c(y=v))
        rates = [("10 for 10 %", 10, ValueError, ("label_dropout must lie in [0, 1]", "10"))]
        yield from rows(who, "label_dropout", rates, lambda v, c=call: c(y=Y, label_dropout=v))
        answers = [
            ("another shape", X[:, :, :1], ValueError, ("network's prediction", "(3, 1, 1, 8)")),
            ("a tuple", (X, X), TypeError, ("network's prediction", "(tuple)")),
        ]
        yield from rows(who, "net's answer", answers, lambda v, c=call: c(lambda x, t: v))
    wrong = [*WRONG_NOISE, *wrong_shapes("noise", "data")]
    shapes = [
        ("data alone", X, ValueError, ("pairs must have shape (B, 2, ...)", "(3, 1, 8, 8)")),
        ("flat", X[:, 0, 0, :2], ValueError, ("pairs must have shape", "(3, 2)", "torch.stack")),
    ]
    yield from rows("pair_loss", "pairs", shapes, lambda v: pairs(velocity, v))


def coupling_rows() -> Iterator[Row]:
    who = "ot_coupling"
    labels = [
        ("another batch", Y[:2], ValueError, ("y must have shape (3,)", "(2,)")),
        ("floats", torch.zeros(3), TypeError, ("y must be", "torch.float32")),
        ("an int", 3, TypeError, ("y must be a LongTensor", "int")),
    ]
    yield from rows(who, "y", labels, lambda v: flow.ot_coupling(X, X, v))


def convert_rows() -> Iterator[Row]:
    def eps_model(x, t):
        return x

    beyond = [
        ("above T", 13, IndexError, ("t = 13 is outside [0, 12]",)),
        ("below 0", -0.5, IndexError, ("t = -0.5 is outside [0, 12]",)),
        ("a word", "3", TypeError, ("t must be", "'3' (str)")),
        ("another batch", torch.ones(2), ValueError, ("t must have shape (3,)", "(2,)")),
    ]
    yield from rows("to_flow", "t", beyond, lambda v: flow.to_flow(X, v, S))
    noisy = [("too noisy", 0.01, ValueError, ("log_snr", "below", "T = 12"))]
    yield from rows("to_diffusion", "t", noisy, lambda v: flow.to_diffusion(X, v, S))
    makers = (flow.velocity_from_eps_model, flow.eps_model_from_velocity)
    who = "velocity_from_eps_model"
    for kind in ("eps", "score"):
        blind = [("ᾱ_T = 0", kind, ValueError, ("alpha_bar = 0 at t = 2", repr(kind), "'v' or"))]
        yield from rows(who, "kind", blind, lambda v: makers[0](eps_model, ZERO_SNR, kind=v))
    made = makers[0](eps_model, S)
    yield from rows(f"{who}'s velocity", "t", WRONG_TIME, lambda v: made(X, v))
    said = makers[0](lambda x, t: x[:1], S)
    answers = [("another shape", X, ValueError, ("what eps_model returned", "(1, 1, 8, 8)"))]
    yield from rows(f"{who}'s velocity", "eps_model's answer", answers, lambda v: said(v, 0.5))
    back = makers[1](lambda x, t: x[:1], S)
    answers = [("another shape", X, ValueError, ("what velocity returned", "(1, 1, 8, 8)"))]
    yield from rows(
        "eps_model_from_velocity's model", "velocity's answer", answers, lambda v: back(v, 3)
    )


TABLE = [
    *path_rows(),
    *exact_rows(),
    *walk_rows(),
    *loss_rows(),
    *coupling_rows(),
    *convert_rows(),
]


@each_of(TABLE)
def test_what_is_wrong_is_refused_and_named(call, kind, words):
    refused(call, kind, words)


def test_every_public_function_of_flow_is_in_the_table():
    here = {who.split("'")[0] for who, *_ in TABLE}
    records = {"State", "Weights"}  # made by the library, not by the caller
    functions = {name for name in flow.__all__ if callable(getattr(flow, name))}
    takes = {name for name in functions if inspect.signature(getattr(flow, name)).parameters}
    assert takes - records <= here


def test_every_public_name_of_flow_has_a_docstring():
    for name in flow.__all__:
        assert getattr(flow, name).__doc__, name
    assert md.flow is flow

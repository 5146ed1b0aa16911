"""What can be wrong with an argument, and the words in which it has to be refused.

The values stand here once. :func:`rows` makes a table of one argument; :func:`generated` makes the rows of
a whole function out of its contract, and of arguments with which it works.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch

import minidiff as md
from minidiff.base.contracts import CONTRACTS, Clause, Contract

T = 12
S = md.linear_schedule(T, 0.05, 0.4)
ZERO_SNR = md.NoiseSchedule([0.5, 1.0], zero_terminal_snr=True)
X = torch.zeros(3, 1, 8, 8)
PIXELS = X - 1  # black, an 8-bit value; 0 is none
Y = torch.tensor([0, 3, 9])
NAN, INF = X.clone(), X.clone()
NAN[1, 0, 2, 2], INF[0] = math.nan, math.inf
GEN = torch.Generator()

Row = tuple[str, str, Callable[[], object], type[Exception], tuple[str, ...]]


def eps_model(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x)


def labelled(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x)


labelled.null_label = 10


def predicting(kind: str) -> Callable:
    """A network that says what it predicts."""
    net = lambda x, t: torch.zeros_like(x)  # noqa: E731
    net.predicts = kind
    return net


# ---- what can be wrong with one argument ---------------------------------------------------------

WRONG_T = [
    ("0", 0, IndexError, ("t = 0", "1..12", "clean data")),
    ("-1", -1, IndexError, ("t = -1", "1..12")),
    ("T + 1", 13, IndexError, ("t = 13", "1..12")),
    ("a float", 2.5, TypeError, ("t must be", "2.5 (float)", "LongTensor")),
    ("a bool", True, TypeError, ("t must be", "True (bool)")),
    ("a word", "5", TypeError, ("t must be", "'5' (str)")),
    ("None", None, TypeError, ("t must be", "None")),
    ("a list", [1, 2, 3], TypeError, ("t must be", "[1, 2, 3] (list)")),
    ("0 in a tensor", torch.tensor([1, 0, 2]), IndexError, ("t = 0", "1..12")),
    ("-1 in a tensor", torch.tensor([1, -1, 2]), IndexError, ("t = -1", "1..12")),
    ("T + 1 in a tensor", torch.tensor([1, 13, 2]), IndexError, ("t = 13", "1..12")),
    ("a float tensor", torch.ones(3), TypeError, ("t must be", "torch.float32", "int64")),
    ("an int32 tensor", torch.ones(3).int(), TypeError, ("t must be", "torch.int32")),
    ("a bool tensor", torch.ones(3).bool(), TypeError, ("t must be", "torch.bool")),
    ("another batch", torch.ones(2).long(), ValueError, ("t must have shape (3,)", "(2,)")),
    ("one for all", torch.ones(1).long(), ValueError, ("t must have shape (3,)", "(1,)")),
    ("two-dimensional", torch.ones(3, 1).long(), ValueError, ("t must have shape", "(3, 1)")),
    ("zero-dimensional", torch.tensor(1), ValueError, ("t must have shape", "()")),
]
WRONG_T_OF_A_NET = [  # which can be asked at any real time in (0, T]
    *[row for row in WRONG_T if row[0] not in ("a float", "a float tensor")],
    ("0.0", 0.0, IndexError, ("t = 0 ", "(0, 12]")),
    ("above T and real", 12.5, IndexError, ("t = 12.5", "(0, 12]")),
    ("NaN", math.nan, IndexError, ("t = nan", "(0, 12]")),
    ("0.0 in a tensor", torch.tensor([1.5, 0, 2]), IndexError, ("t = 0 ", "(0, 12]")),
    ("real, of another batch", torch.ones(2), ValueError, ("t must have shape (3,)", "(2,)")),
]
WRONG_STEP = [  # where t and s are ints only
    *[row for row in WRONG_T if not isinstance(row[1], torch.Tensor)],
    ("a tensor", torch.ones(3).long(), TypeError, ("t must be one int", "tensor([1, 1, 1])")),
]
WRONG_S = [
    ("-1", -1, IndexError, ("s = -1", "0..4")),
    ("equal to t", 5, IndexError, ("s = 5", "0..4")),
    ("above t", 6, IndexError, ("s = 6", "0..4")),
    ("a float", 2.5, TypeError, ("s must be", "2.5 (float)")),
    ("a bool", False, TypeError, ("s must be", "False (bool)")),
    ("a tensor", torch.ones(3).long(), TypeError, ("s must be one int", "tensor([1, 1, 1])")),
]


def wrong_floats(name: str, like: torch.Tensor = X) -> list[tuple]:
    """A data tensor's wrong values: type, dtype, emptiness, NaN, infinity."""
    nan, inf = like.clone(), like.clone()
    nan.view(-1)[1], inf.view(-1)[0] = math.nan, -math.inf
    return [
        ("a list", [[0.0]], TypeError, (name, "torch.Tensor", "[[0.0]] (list)")),
        ("an array", np.zeros((3, 1, 8, 8)), TypeError, (name, "torch.Tensor", "(ndarray)")),
        ("None", None, TypeError, (name, "torch.Tensor", "None")),
        ("8-bit", like.byte(), TypeError, (name, "torch.uint8", "x.float() / 127.5 - 1")),
        ("integers", like.long(), TypeError, (name, "torch.int64")),
        ("complex", like.cfloat(), TypeError, (name, "torch.complex64")),
        ("empty", like[:0], ValueError, (name, "empty", str(tuple(like[:0].shape)))),
        ("a scalar", torch.tensor(1.0), ValueError, (name, "batch dimension", "scalar")),
        ("NaN", nan, ValueError, (name, "NaN or infinity", "1 of", "is nan")),
        ("infinity", inf, ValueError, (name, "NaN or infinity", "1 of", "is -inf")),
    ]


def wrong_shapes(name: str, other: str, like: torch.Tensor = X) -> list[tuple]:
    """Shapes that would broadcast against X, and one that would not."""
    shapes = [(1, 1, 8, 8), (3, 1, 1, 1), (3, 8, 8), (8, 8), (3, 2, 8, 8), (3, 1, 8, 7)]
    right = str(tuple(like.shape))
    return [
        (str(shape), torch.zeros(shape), ValueError, (name, str(shape), other, right))
        for shape in shapes
    ]


WRONG_TENSOR_ONLY = [row for row in wrong_floats("noise") if row[0] != "None"]  # None: drawn
WRONG_SCHEDULE = [
    ("a tensor", S.alpha_bar, TypeError, ("schedule must be a NoiseSchedule", "(Tensor)")),
    ("t in its place", 5, TypeError, ("schedule must be a NoiseSchedule", "5 (int)")),
    ("None", None, TypeError, ("schedule must be a NoiseSchedule", "None")),
]
WRONG_WORD = [
    ("unknown", "epsilon", ValueError, ("must be one of 'eps', 'x0', 'v', 'score'", "'epsilon'"))
]
WRONG_KIND = [("kind", *row[1:3], ("kind", *row[3])) for row in WRONG_WORD]
WRONG_ETA = [
    ("-0.1", -0.1, ValueError, ("eta must lie in [0, 1]", "-0.1")),
    ("1.5", 1.5, ValueError, ("eta must lie in [0, 1]", "1.5")),
    ("NaN", math.nan, ValueError, ("eta must lie in [0, 1]", "nan")),
    ("a word", "1", TypeError, ("eta must be a number", "'1'")),
    ("a bool", True, TypeError, ("eta must be a number", "True")),
]
WRONG_VARIANCE = [
    ("unknown", "fixed_small", ValueError, ("variance must be one of 'small'", "'fixed_small'")),
]
WRONG_LABELS = [
    ("-1", torch.tensor([0, -1, 2]), IndexError, ("y = -1", "0..9", "null label")),
    ("classes + 1", torch.tensor([0, 11, 2]), IndexError, ("y = 11", "0..9", "10 itself")),
    ("floats", torch.zeros(3), TypeError, ("y must be", "torch.float32", "int64")),
    ("int32", torch.zeros(3).int(), TypeError, ("y must be", "torch.int32")),
    ("one-hot", torch.zeros(3, 10).long(), ValueError, ("y must have shape", "(3, 10)")),
    ("a column", torch.zeros(3, 1).long(), ValueError, ("y must have shape", "(3, 1)")),
    ("a list", [0, 1, 2], TypeError, ("y must be", "[0, 1, 2] (list)")),
]
WRONG_BATCH_OF_LABELS = [("another batch", Y[:2], ValueError, ("y must have shape (3,)", "(2,)"))]
WRONG_COUNT = [
    ("0", 0, ValueError, ("must be at least 1", "got 0")),
    ("negative", -3, ValueError, ("must be at least 1", "got -3")),
    ("a float", 10.0, TypeError, ("must be an integer", "got 10.0")),
    ("a bool", True, TypeError, ("must be an integer", "got True")),
    ("a word", "10", TypeError, ("must be an integer", "got '10'")),
]
WRONG_TIMES = [
    ("rising", [0, 5, 12], ValueError, ("times must decrease strictly", "[0, 5, 12]")),
    ("a time twice", [12, 5, 5, 0], ValueError, ("times must decrease strictly", "[12, 5, 5, 0]")),
    ("an end above 0", [12, 5, 1], ValueError, ("times", "end in 0", "[12, 5, 1]")),
    ("0 alone", [0], ValueError, ("times", "end in 0", "[0]")),
    ("empty", [], ValueError, ("times", "end in 0", "[]")),
    ("above T", [13, 0], IndexError, ("times[0] = 13", "0..12")),
    ("below 0", [12, 0, -1], IndexError, ("times[2] = -1", "0..12")),
    ("floats", [12.0, 0.0], TypeError, ("times[0]", "12.0 (float)")),
    ("a number", 12, TypeError, ("times must be a list", "12 (int)")),
]
WRONG_REAL_TIMES = [
    ("rising", [0.5, 5.0], ValueError, ("times must decrease strictly", "[0.5, 5.0]")),
    ("one time", [5.0], ValueError, ("times must decrease strictly", "[5.0]")),
    ("above T", [12.5, 1.0], ValueError, ("times[0] must lie in [0, 12]", "12.5")),
    ("a word", "12", TypeError, ("times must be a list of numbers", "'12' (str)")),
    ("words", ["12", "0"], TypeError, ("times[0] must be a number", "'12'")),
]
FLOW_HINT = "0 (noise) to 1 (data)"
WRONG_FLOW_TIME = [
    ("below 0", -0.1, ValueError, ("t = -0.1 is outside [0, 1]", FLOW_HINT)),
    ("a step of 1..T", 500, ValueError, ("t = 500 is outside [0, 1]", FLOW_HINT)),
    ("NaN", math.nan, ValueError, ("t = nan is outside", FLOW_HINT)),
    ("a word", "0.5", TypeError, ("t must be", "'0.5' (str)")),
    ("a bool", True, TypeError, ("t must be", "True (bool)")),
    ("a list", [0.1, 0.2, 0.3], TypeError, ("t must be", "(list)")),
    ("integers", torch.ones(3).long(), TypeError, ("t must hold floats", "torch.int64", FLOW_HINT)),
    ("above 1 in a tensor", torch.tensor([0.5, 1.5, 0]), ValueError, ("t = 1.5 is out", FLOW_HINT)),
    ("NaN in a tensor", torch.tensor([0.5, math.nan, 0]), ValueError, ("t = nan is", FLOW_HINT)),
    ("another batch", torch.zeros(2), ValueError, ("t must have shape (3,)", "(2,)")),
    ("a column", torch.zeros(3, 1), ValueError, ("t must have shape (3,)", "(3, 1)")),
    ("zero-dimensional", torch.tensor(0.5), ValueError, ("t must have shape (3,)", "()")),
]
WRONG_FLOW_TIMES = [
    ("neither way", [0, 0.5, 0.2], ValueError, ("times must rise", "[0.0, 0.5, 0.2]")),
    ("one time", [0], ValueError, ("times must rise", "[0.0]")),
    ("empty", [], ValueError, ("times must rise", "[]")),
    ("steps of 1..T", [1000, 500, 0], ValueError, ("t = 1000 is outside [0, 1]", FLOW_HINT)),
    ("a number", 0.5, TypeError, ("times must be a list", "0.5 (float)")),
    ("words", ["0", "1"], TypeError, ("times[0] must be a number", "'0' (str)")),
]
WRONG_PATH = [
    ("a word", "ot", TypeError, ("path must be a Path", "flow.ot_path()", "'ot' (str)")),
    ("its maker", md.flow.ot_path, TypeError, ("path must be a Path", "(function)")),
]
WRONG_SHAPE = [
    ("a number", 16, TypeError, ("shape must be a sequence", "16")),
    ("no batch", (16,), ValueError, ("shape must be (B, ...)", "(16,)")),
    ("an empty batch", (0, 1, 8, 8), ValueError, ("shape[0] must be at least 1", "got 0")),
    ("floats", (3, 1.5), TypeError, ("shape[1] must be an integer", "1.5")),
]
WRONG_BETA = [
    ("0", [0.1, 0.0], ValueError, ("beta_2 = 0.0", "(0, 1)")),
    ("1", [0.1, 1.0], ValueError, ("beta_2 = 1.0", "(0, 1)", "zero_terminal_snr=True")),
    ("barely above 1", [1 + 1e-9], ValueError, ("beta_1 = 1.000000001", "(0, 1)")),
    ("negative", [-0.1, 0.1], ValueError, ("beta_1 = -0.1", "(0, 1)")),
    ("NaN", [0.1, math.nan], ValueError, ("beta_2 = nan", "(0, 1)")),
    ("infinity", [math.inf], ValueError, ("beta_1 = inf", "(0, 1)")),
    ("empty", [], ValueError, ("beta must be", "(T,)", "(0,)")),
    ("two-dimensional", [[0.1, 0.2]], ValueError, ("beta must be", "(T,)", "(1, 2)")),
    ("a number", 0.1, ValueError, ("beta must be", "(T,)", "()")),
    ("words", ["a"], TypeError, ("beta must be a sequence of numbers", "['a']")),
    ("None", None, TypeError, ("beta must be a sequence of numbers", "None")),
    ("bools", [True], TypeError, ("beta must hold real numbers", "torch.bool")),
    ("complex", [0.1j], TypeError, ("beta must hold real numbers", "complex")),
    ("uneven", [[0.1], [0.1, 0.2]], TypeError, ("beta must be a sequence", "[[0.1], [0.1, 0.2]]")),
]


def wrong_fraction(name: str) -> list[tuple]:
    return [
        ("0", 0, ValueError, (f"{name} must lie in (0, 1)", "got 0")),
        ("1", 1.0, ValueError, (f"{name} must lie in (0, 1)", "got 1.0")),
        ("negative", -0.1, ValueError, (f"{name} must lie in (0, 1)", "got -0.1")),
        ("NaN", math.nan, ValueError, (f"{name} must lie in (0, 1)", "got nan")),
        ("a word", "0.1", TypeError, (f"{name} must be a number", "got '0.1'")),
    ]


def wrong_share(name: str) -> list[tuple]:
    """A number in [0, 1], or one for each of the three examples of X."""
    return [
        ("below 0", -0.1, ValueError, (f"{name} must lie in [0, 1]", "-0.1")),
        ("NaN", math.nan, ValueError, (f"{name} must lie in [0, 1]", "nan")),
        ("a word", "half", TypeError, (f"{name} must be a number", "'half'")),
        ("integers", torch.ones(3).long(), TypeError, (name, "torch.int64")),
        (
            "another batch",
            torch.ones(2),
            ValueError,
            (f"{name} must be one number", "(3,)", "(2,)"),
        ),
        ("above 1 in a tensor", torch.tensor([0, 1.5, 1]), ValueError, (f"{name} must lie", "1.5")),
        ("NaN in a tensor", torch.tensor([0, math.nan, 1]), ValueError, (name, "NaN")),
    ]


def wrong_count(name: str) -> list[tuple]:
    return [(what, value, kind, (name, *words)) for what, value, kind, words in WRONG_COUNT]


def rows(who: str, argument: str, wrong: list[tuple], call: Callable) -> Iterator[Row]:
    """One row for each wrong value of one argument."""
    for what, value, kind, words in wrong:
        yield who, f"{argument}: {what}", lambda value=value: call(value), kind, words


def refused(call: Callable[[], object], kind: type[Exception], words: tuple[str, ...]) -> None:
    """The call raises exactly this error, in words that name what is wrong, and not in too many."""
    with pytest.raises(kind) as caught:
        call()
    assert caught.type is kind
    message = str(caught.value)
    missing = [word for word in words if word not in message]
    assert not missing, f"the message {message!r} does not say {missing}"
    assert len(message) < 400


def each_of(table: Iterable[Row]) -> pytest.MarkDecorator:
    """Try a test with the call, the error and its words of every row."""
    table = list(table)
    ids = [f"{who}({what})" for who, what, *_ in table]
    return pytest.mark.parametrize(("call", "kind", "words"), [row[2:] for row in table], ids=ids)


# ---- rows out of a contract ------------------------------------------------------------------------


def contract_of(function: Any) -> Contract:
    """The contract of a function, or of a class's constructor."""
    name = f"{function.__module__}.{function.__qualname__}"
    return CONTRACTS[f"{name}.__init__" if isinstance(function, type) else name]


def renamed(wrong: list[tuple], old: str, new: str) -> list[tuple]:
    """Rows of one argument, said of another."""
    return [
        (what, v, kind, tuple(re.sub(rf"\b{old}\b", new, word) for word in words))
        for what, v, kind, words in wrong
    ]


def wrong_number(name: str, left: str, low: float, high: float, right: str = "]") -> list[tuple]:
    """Beyond each end, on an open one, and what is no number."""
    ends = f"{name} must lie in {left}{low:g}, {high:g}{right}"
    opened = ([low] if left == "(" else []) + ([high] if right == ")" else [])
    outside = [low - 0.5, high + 0.5, *opened]
    found = [(f"{v:g}", v, ValueError, (ends, repr(v))) for v in outside if math.isfinite(v)]
    return [
        *found,
        ("NaN", math.nan, ValueError, (ends, "nan")),
        ("infinity", math.inf, ValueError, (ends, "inf")),
        ("a word", "1", TypeError, (f"{name} must be a number", "'1'")),
        ("a bool", True, TypeError, (f"{name} must be a number", "True")),
    ]


def wrong_words(name: str, words: str) -> list[tuple]:
    first = words.strip("()").split(",")[0]
    return [("unknown", "nonsense", ValueError, (f"{name} must be one of {first}", "'nonsense'"))]


def wrong_value(name: str) -> list[tuple]:
    return [
        ("NaN", math.nan, ValueError, (f"{name} holds NaN or infinity",)),
        ("infinity", torch.tensor([math.inf]), ValueError, (f"{name} holds NaN or infinity",)),
        ("a word", "wide", TypeError, (f"{name} must be a number or a tensor", "'wide'")),
        ("a bool", True, TypeError, (f"{name} must be a number or a tensor", "True")),
        ("integers", torch.ones(3).long(), TypeError, (f"{name} must be a number or", "Tensor")),
    ]


def wrong_numbers(name: str) -> list[tuple]:
    return [
        ("NaN", math.nan, ValueError, (f"{name} must be finite", "nan")),
        ("infinity", [math.inf], ValueError, (f"{name} must be finite", "inf")),
        ("a word", "wide", TypeError, (f"{name} must be a number or a tensor", "'wide'")),
    ]


def wrong_probabilities(name: str, p: torch.Tensor) -> list[tuple]:
    return [
        ("a list", [1.0], TypeError, (name, "[1.0] (list)")),
        ("too short", p[1:], ValueError, (f"{name} must have shape", "(13,)", "(12,)")),
        ("sum 2", 2 * p, ValueError, (name, "sum of 2")),
        ("negative", p - p.roll(1), ValueError, (name, "smallest entry of -0.")),
    ]


def bound(clause: Clause, good: Mapping[str, Any], side: str, default: str = "") -> float:
    """A bound in the words of a clause: a number, or the argument that has it."""
    word = clause.words[side] or default
    return float(good.get(word, word))


#: For each kind of argument: its wrong values, from the clause and the right arguments.
WRONG: dict[str, Callable[[Clause, Mapping[str, Any]], list[tuple]]] = {
    "floats": lambda c, good: wrong_floats(c.argument, good.get(c.argument, X)),
    "batch": lambda c, good: wrong_floats(c.argument, good[c.argument]),
    "tensor": lambda c, good: wrong_floats(c.argument, good[c.argument])[:8],
    "like": lambda c, good: [
        *wrong_floats(c.argument),
        *wrong_shapes(c.argument, c.words["other"], good[c.words["other"]]),
    ],
    "examples": lambda c, good: [
        *wrong_floats(c.argument, good[c.argument]),
        (
            "one axis",
            torch.zeros(4),
            ValueError,
            (f"{c.argument} must have shape ({c.words['count']}, ...)", "(4,)"),
        ),
    ],
    "time of": lambda c, good: renamed(WRONG_T, "t", c.argument),
    "index": lambda c, good: [
        (w, v, kind, (words[0], words[1].replace("1..", "0..")))
        for w, v, kind, words in WRONG_T
        if w not in ("0", "0 in a tensor")
    ],
    "any time of": lambda c, good: WRONG_T_OF_A_NET,
    "real time of": lambda c, good: [
        *[(w, v, IndexError, (words[0], "[0, 12]")) for w, v, _, words in WRONG_T[1:3]],
        *[(w, v, TypeError, ("t must", words[1])) for w, v, _, words in WRONG_T[4:8]],
        ("NaN", math.nan, IndexError, ("t = nan", "[0, 12]")),
        ("complex", torch.ones(3).cfloat(), TypeError, ("t must hold real", "complex64")),
    ],
    "one time of": lambda c, good: renamed(WRONG_STEP, "t", c.argument),
    "time below": lambda c, good: WRONG_S,
    "labels of": lambda c, good: [*WRONG_LABELS, ("a word", "3", TypeError, ("y must be", "'3'"))],
    "labels": lambda c, good: [
        ("negative", torch.tensor([0, -1, 1]), IndexError, ("y = -1", "negative")),
        ("negative for all", -1, IndexError, ("y = -1", "negative")),
        ("floats", torch.zeros(3), TypeError, ("y must be", "torch.float32")),
        ("a word", "1", TypeError, ("y must be", "'1' (str)")),
    ],
    "label of each": lambda c, good: [
        ("a list", [0, 1, 2], TypeError, (f"{c.argument} must be a LongTensor", "list")),
        ("floats", torch.zeros(3), TypeError, (f"{c.argument} must be a LongTensor", "float32")),
        ("too few", Y[:2], ValueError, (f"{c.argument} must have shape (3,)", "(2,)")),
        ("a negative one", Y - 1, IndexError, (f"{c.argument} holds -1",)),
    ],
    "one of": lambda c, good: wrong_words(c.argument, c.words["words"]),
    "number": lambda c, good: wrong_number(c.argument, "[", -math.inf, math.inf),
    "number in": lambda c, good: wrong_number(
        c.argument,
        c.words["left"],
        bound(c, good, "low"),
        bound(c, good, "high"),
        c.words["right"],
    ),
    "value": lambda c, good: wrong_value(c.argument),
    "variance": lambda c, good: [
        *wrong_value(c.argument),
        ("0", 0.0, ValueError, (f"{c.argument} must be positive", "got 0")),
        ("negative", -0.1, ValueError, (f"{c.argument} must be positive", "got -0.1")),
        (
            "one entry 0",
            torch.eye(8).expand(3, 1, 8, 8),
            ValueError,
            (f"{c.argument} must be positive",),
        ),
    ],
    "numbers": lambda c, good: wrong_numbers(c.argument),
    "numbers from": lambda c, good: [
        *wrong_numbers(c.argument),
        ("too low", -0.5, ValueError, (f"{c.argument} must be at least 0", "-0.5")),
    ],
    "probabilities": lambda c, good: wrong_probabilities(c.argument, good[c.argument]),
    "weight": lambda c, good: wrong_number(c.argument, "[", float(c.words["low"]), math.inf),
    "count": lambda c, good: [
        row
        for row in renamed(
            wrong_count(c.argument), "at least 1", f"at least {bound(c, good, 'low', '1'):g}"
        )
        if row[0] != "0" or bound(c, good, "low", "1") > 0
    ],
    "count dividing": lambda c, good: [
        *wrong_count(c.argument),
        (
            "one too many",
            good[c.words["other"]] + 1,
            ValueError,
            (f"{c.argument} must divide {c.words['other']} = {good[c.words['other']]}", "got"),
        ),
    ],
    "multiple of": lambda c, good: [
        *[row for row in wrong_count(c.argument) if row[2] is TypeError],
        *[
            (str(n), n, ValueError, (c.argument, f"at least {c.words['unit']} (", f"got {n}"))
            for n in (0, -int(c.words["unit"]), int(c.words["unit"]) + 1)
        ],
    ],
    "counts": lambda c, good: [
        ("a number", 2, TypeError, (f"{c.argument} must be a list", "2 (int)")),
        ("none", (), ValueError, (f"{c.argument} is empty", "at least one")),
        ("a negative one", (1, -1), ValueError, (f"{c.argument}[1] must be at least", "got -1")),
        ("floats", (1, 2.0), TypeError, (f"{c.argument}[1] must be an integer", "got 2.0")),
    ],
    "shape": lambda c, good: WRONG_SHAPE,
    "function": lambda c, good: [
        ("a number", 3, TypeError, (f"{c.argument} must be a function", "3 (int)"))
    ],
    "generator": lambda c, good: [
        (
            "a seed",
            0,
            TypeError,
            ("generator must be a torch.Generator", "write generator=md.seeded(0)"),
        ),
        ("numpy's", np.random.default_rng(0), TypeError, ("generator must be", "(Generator)")),
        (
            "seeds",
            [0, 1, 2],
            TypeError,
            ("generator must be", "a list of them", "[0, 1, 2] (list)"),
        ),
        ("none in a list", [], TypeError, ("generator must be", "[] (list)")),
    ],
    "module": lambda c, good: [
        (
            "a function",
            eps_model,
            TypeError,
            (f"{c.argument} must be a torch.nn.Module", "(function)"),
        )
    ],
    "schedule": lambda c, good: WRONG_SCHEDULE,
    "no schedule": lambda c, good: [
        ("given", S, ValueError, ("has no noise schedule", "schedule=None"))
    ],
    "real times of": lambda c, good: WRONG_REAL_TIMES,
    "times instead of steps": lambda c, good: WRONG_TIMES,
    "flow times instead of steps": lambda c, good: WRONG_FLOW_TIMES,
    "flow time": lambda c, good: [
        row
        for row in WRONG_FLOW_TIME
        if (c.batch or "shape" not in row[3][0])  # a path takes times of any shape
        and (isinstance(row[1], torch.Tensor) or not c.words["each"])
    ],
    "share of each": lambda c, good: wrong_share(c.argument),
    "steps up to T": lambda c, good: [
        *wrong_count(c.argument),
        ("more than T", 13, ValueError, (f"{c.argument} must be at most T = 12", "got 13")),
    ],
    "real time of each": lambda c, good: [
        *WRONG["real time of"](c, good),
        ("another batch", torch.ones(2), ValueError, ("t must have shape (3,)", "(2,)")),
        ("a column", torch.ones(3, 1), ValueError, ("t must have shape (3,)", "(3, 1)")),
    ],
    "shape unless": lambda c, good: WRONG_SHAPE,
    "solver of": lambda c, good: wrong_words(c.argument, c.words["words"]),
    "velocity": lambda c, good: [
        (
            f"it predicts {kind!r}",
            predicting(kind),
            ValueError,
            (f"velocity predicts {kind!r}", "md.flow.velocity_from_eps_model(net, schedule)"),
        )
        for kind in ("eps", "x0", "v", "score")
    ],
    "pairs": lambda c, good: [
        *wrong_floats(c.argument, good[c.argument]),
        ("data alone", X, ValueError, ("pairs must have shape (B, 2, ...)", "(3, 1, 8, 8)")),
        ("flat", X[:, 0, 0, :2], ValueError, ("pairs must have shape", "(3, 2)", "torch.stack")),
    ],
    "path": lambda c, good: WRONG_PATH,
}


def generated(
    function: Any, good: Mapping[str, Any], skip: frozenset[str] = frozenset()
) -> Iterator[Row]:
    """A row for each wrong value of each argument in the function's contract.

    Args:
        function: With a contract, or a class whose constructor has one.
        good: Arguments with which it works; they have the shapes of the tables above.
        skip: Arguments that are left out.
    """
    agreed, who = contract_of(function), function.__qualname__
    for clause in agreed.clauses:
        name = clause.argument
        if name in skip:
            continue
        # the longest word that the kind's pattern begins with
        word = max((w for w in WRONG if clause.kind.pattern.startswith(w)), key=len, default=None)
        assert word is not None, f"no wrong values are known for the kind {clause.kind.pattern!r}"
        for what, value, kind, words in WRONG[word](clause, good):
            if value is None and name in agreed.optional:
                continue
            call = lambda value=value, name=name: function(**{**good, name: value})  # noqa: E731
            yield who, f"{name}: {what}", call, kind, words

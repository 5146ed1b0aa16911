"""What the interactive figures refuse: rows of arguments, the error, and words that it must contain.

A kind of mistake stands here once, as a function that makes its rows; the tables below say which figure
is to refuse it, of what.
"""

import math
from typing import Any

import numpy as np
import torch
from interactives import CENTRES, CLASSES, THIRTY, noise, pictures

Row = tuple[dict[str, Any], type[Exception], str]


def whole(name: str, low: int, most: int) -> list[Row]:
    """A number of something that the page can only do so many of."""
    return [
        ({name: low - 1}, ValueError, f"{name} must be at least {low}"),
        ({name: most + 1}, ValueError, f"{name} must be at most {most} in this figure"),
        ({name: low + 0.5}, TypeError, f"{name} must be an integer"),
    ]


def index(name: str, first: int, last: int) -> list[Row]:
    """A time, or another place in a row."""
    return [
        ({name: first - 1}, IndexError, rf"{name} = {first - 1} is outside {first}\.\.{last}"),
        ({name: last + 1}, IndexError, rf"{name} = {last + 1} is outside {first}\.\.{last}"),
        ({name: first + 0.5}, TypeError, f"{name} must be an int"),
    ]


def real(name: str, interval: str, *outside: float) -> list[Row]:
    """A number within an interval, which the error names."""
    bounds = (
        interval.replace("[", r"\[").replace("(", r"\(").replace(")", r"\)").replace("]", r"\]")
    )
    return [
        *(({name: value}, ValueError, f"{name} must lie in {bounds}, got") for value in outside),
        ({name: math.nan}, ValueError, f"{name} must lie in {bounds}, got nan"),
        ({name: "1"}, TypeError, f"{name} must be a number"),
    ]


def word(name: str, *allowed: str) -> list[Row]:
    """One of a few words."""
    said = f"{name} must be one of {', '.join(map(repr, allowed))}; got"
    return [({name: value}, ValueError, said) for value in ("another", None)]


def centres(most: int, **besides: Any) -> list[Row]:
    """Centres in the plane, and what goes with them."""
    return [
        ({"means": wrong, **besides}, error, words)
        for wrong, error, words in (
            ([[0.0, 0.0]], TypeError, "means must be a torch"),
            (torch.zeros(3, 2, dtype=torch.int64), TypeError, "means must hold floating-point"),
            (torch.zeros(3, 3), ValueError, r"shape \(K, 2\); got \(3, 3\)"),
            (torch.zeros(3, 1), ValueError, r"shape \(K, 2\); got \(3, 1\)"),
            (torch.zeros(6), ValueError, r"shape \(K, 2\); got \(6,\)"),
            (torch.zeros(most + 1, 2), ValueError, f"up to {most} centres"),
            (torch.full((1, 2), torch.nan), ValueError, "NaN"),
        )
    ]


def digits() -> list[Row]:
    """Grey pictures that the page turns into noise itself."""
    return [
        ({"x_0": wrong}, error, words)
        for wrong, error, words in (
            (np.zeros((1, 1, 8, 8)), TypeError, "x_0 must be a torch"),
            ([[0.0]], TypeError, "x_0 must be a torch"),
            (torch.zeros(1, 1, 8, 8, dtype=torch.uint8), TypeError, "x_0 must hold floating-point"),
            (torch.zeros(1, 3, 8, 8), ValueError, r"grey pictures \(B, 1, H, W\)"),
            (torch.zeros(8, 8), ValueError, "grey pictures"),
            (torch.zeros(13, 1, 8, 8), ValueError, "up to 12"),
            (torch.zeros(1, 1, 65, 8), ValueError, "at most 64"),
            (torch.full((1, 1, 8, 8), 1.5), ValueError, r"x_0 must lie in \[-1, 1\]"),
            (torch.full((1, 1, 8, 8), torch.nan), ValueError, "NaN"),
        )
    ]


SEED: list[Row] = [
    ({"seed": -1}, ValueError, "seed must be at least 0"),
    ({"seed": 2**32}, ValueError, r"seed must be below 2\^32"),
    ({"seed": 0.5}, TypeError, "seed must be an integer"),
]
SCHEDULE = word("schedule", "linear", "cosine")
ROWS = ("linear", "cosine", "scaled_linear", "sigmoid_beta", "sigmoid", "zero_snr")
MENUS = [*word("top", *ROWS), *word("bottom", *ROWS)]
STD = real("std", "(0, 10)", 0, 10)
CLOUDS = {"means": CENTRES, "labels": CLASSES}
ONE = {w: pictures(w) for w in (0.0, 1.0)}


def offered(name: str, *values: float) -> list[Row]:
    """A number that must be one of those on offer; none of them is 7."""
    words = rf"{name} must be one of {', '.join(f'{v:g}' for v in values)}, got"
    whole_numbers = [({name: float(values[-1])}, TypeError, f"{name} must be an integer")]
    return [
        *(({name: wrong}, ValueError, f"{words} {wrong}") for wrong in (7, -1)),
        ({name: str(values[0])}, TypeError, f"{name} must be a number"),
        *(whole_numbers if isinstance(values[0], int) else []),
    ]


LABEL, TWO_SIZES = index("label", 0, 9), word("network", "digits16", "digits28")
WISHES = [
    *(*LABEL, *offered("steps", 10, 20, 50)),
    *offered("w", 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0),
]
WALK = [*word("way", "DDPM", "DDIM"), *offered("steps", 10, 20, 50, 100), *LABEL]
TWO_STARTS = [
    *(*offered("steps", 5, 10, 20, 50), *offered("eta", 0.0, 0.25, 0.5, 1.0)),
    *offered("share", 0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0),
    ({"noise": 9}, ValueError, "noise must be one of 1, 2, 3, 4, 5, 6, 7, 8, got 9"),
    ({"noise": 2.0}, TypeError, "noise must be an integer"),
]
GUIDED = [*offered("w", 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0), *LABEL, *TWO_SIZES]
FEW = [*offered("steps", 1, 2, 4, 8, 16), *LABEL]

ELBO = [
    *whole("T", 50, 2000),
    *real("std", "[0.02, 2]", 0, 2.5),
    *SCHEDULE,
    *word("variance", "small", "large"),
    *word("axes", "log", "linear"),
    *index("t", 1, 1000),
]

# What a figure refuses to be made of: changes to the arguments that MAKERS gives.
ARGUMENTS: dict[str, list[Row]] = {
    "beta_explorer": [
        *whole("T", 2, 10_000),
        *real("beta_1", "(0, 1)", 0, 1),
        *real("beta_T", "(0, 1)", 0, 1),
        *real("s", "(0, 1)", -0.1, 1),
        *SCHEDULE,
    ],
    "noise_explorer": [
        *whole("T", 2, 2000),
        *word("view", "chain", "straight", "compare"),
        *(*SCHEDULE, *index("t", 0, 1000), *SEED, *digits()),
    ],
    "reverse_explorer": [
        *(*whole("T", 25, 2000), *whole("points", 10, 1000), *index("t", 0, 1000), *centres(100)),
        *(({"means": CENTRES, **wrong}, error, words) for wrong, error, words in STD),
    ],
    "elbo_explorer": ELBO,
    "schedule_explorer": [
        *(*whole("T", 25, 2000), *real("s", "(0, 1)", 0, 1), *MENUS, *index("t", 0, 1000)),
        *(*SEED, *digits()),
    ],
    "ddim_explorer": [
        ({"x_T": [[0.0]]}, TypeError, "x_T must be a torch"),
        ({"x_T": noise(2, 3, 6, 5)}, ValueError, r"shape \(B, 1, H, W\); got \(2, 3, 6, 5\)"),
        ({"x_T": noise(5, 1, 6, 5)}, ValueError, "up to 4 grey pictures"),
        ({"x_T": noise(1, 1, 33, 32)}, ValueError, "up to 1024 pixels"),
        ({"schedule": None}, TypeError, "schedule must be a NoiseSchedule"),
        ({"steps": (0,)}, ValueError, "steps must be at least 1"),
        ({"steps": (101,)}, ValueError, "steps must be at most T = 100, got 101"),
        ({"steps": (2.0,)}, TypeError, "steps must be an integer"),
        ({"steps": ()}, ValueError, r"steps must be one number or more, each once; got \[\]"),
        ({"steps": (4, 4)}, ValueError, r"steps must be .* each once; got \[4, 4\]"),
        ({"etas": (1.5,)}, ValueError, r"etas must lie in \[0, 1\], got 1.5"),
        ({"etas": ()}, ValueError, "etas must be one number or more"),
    ],
    "guidance_field": [
        *(*whole("T", 25, 2000), *index("t", 1, 1000), *real("s", "[0, 10]", -1, 11), *STD),
        *centres(50, labels=CLASSES),
        ({"y": 3}, ValueError, "y must be one of '0', '1', '2'"),
        ({"means": CENTRES}, ValueError, "means and labels go together"),
        ({"labels": CLASSES}, ValueError, "means and labels go together"),
        ({**CLOUDS, "labels": CLASSES[:2]}, ValueError, r"shape \(3,\), one a centre"),
        ({**CLOUDS, "labels": CLASSES.float()}, TypeError, "LongTensor"),
        ({**CLOUDS, "labels": 2 * CLASSES}, ValueError, r"none left out; got \[0, 2\]"),
        ({**CLOUDS, "labels": 0 * CLASSES}, ValueError, "two to six classes"),
    ],
    "guidance_explorer": [
        ({"samples": [ONE[0.0]]}, TypeError, "samples must give pictures by weight"),
        ({"samples": {}}, ValueError, "samples must have 1 to 12 weights, got 0"),
        (
            {"samples": dict.fromkeys(map(float, range(13)), ONE[0.0])},
            ValueError,
            "1 to 12 weights, got 13",
        ),
        ({"samples": {-2.0: ONE[0.0]}}, ValueError, r"weights of samples must lie in \[-1"),
        ({"samples": {"a": ONE[0.0]}}, TypeError, "weights of samples must be a number"),
        ({"samples": {0.0: ONE[0.0].int()}}, TypeError, "floating-point"),
        ({"samples": {0.0: ONE[0.0] / 0}}, ValueError, "NaN"),
        ({"samples": {0.0: ONE[0.0][0]}}, ValueError, r"samples\[0.0\] must be grey pictures"),
        ({"samples": {0.0: torch.zeros(30, 1, 30, 30)}}, ValueError, "at most 28 pixels a side"),
        ({"samples": {0.0: ONE[0.0], 1.0: ONE[1.0][:9]}}, ValueError, "drawn from the same noise"),
        ({"labels": 3}, TypeError, r"labels must be a LongTensor \(30,\), got 3 \(int\)"),
        ({"labels": THIRTY[:5]}, ValueError, r"labels must have shape \(30,\)"),
        ({"labels": THIRTY - 1}, IndexError, "labels = -1"),
        ({"labels": THIRTY + 1}, IndexError, "labels holds 3"),
        ({"labels": torch.arange(30) // 28, "focus": 0}, ValueError, "class 1 2 time"),
        ({"w": 0.5}, ValueError, r"w must be one of \[0.0, 0.25, 1.0, 4.0\], got 0.5"),
        ({"focus": 5}, ValueError, r"focus must be one of \[0, 1, 2\], got 5"),
        ({"each": 0}, ValueError, "each must be at least 1"),
        ({"each": 11}, ValueError, "each must be at most 10 with these labels, got 11"),
        ({"real": (ONE[0.0], THIRTY[:3])}, ValueError, r"labels must have shape \(30,\)"),
    ],
    "flow_explorer": [
        *word("path", "ot", "vp", "trigonometric"),
        *word("compare", "exact", "pairs", "none"),
        *(*whole("steps", 1, 50), *whole("points", 4, 200), *whole("particle", 1, 48)),
        *whole("seed", 1, 1000),
        ({"points": 10, "particle": 11}, ValueError, "particle must be at most 10 in this figure"),
        *(*real("t", "[0, 1]", -0.1, 1.1), *centres(100)),
        *(
            ({"means": CENTRES, **wrong}, error, words)
            for wrong, error, words in real("std", "[0.05, 10]", 0.04)
        ),
    ],
    "posterior_explorer": [
        *(*whole("T", 21, 10_000), *index("t", 1, 25), *SCHEDULE),
        *(*real("x_0", "[-1, 1]", -1.5, 1.5), *real("x_t", "[-3, 3]", -4, 4)),
    ],
    "live_digits": [*TWO_SIZES, *SEED, *WISHES],
    "live_walk": [*TWO_SIZES, *SEED, *WALK],
    "live_ddim": [*TWO_SIZES, *LABEL, *SEED, *TWO_STARTS],
    "live_guidance": [*SEED, *GUIDED],
    "live_flow": [*SEED, *FEW],
}

# What a figure's read-outs refuse: what its controls cannot say.
CONTROLS: dict[str, list[Row]] = {
    "beta_explorer": [*index("t", 0, 1000), *SCHEDULE],
    "noise_explorer": [
        *(*index("t", 0, 1000), *index("picture", 0, 9), *SCHEDULE),
        *word("view", "chain", "straight", "compare"),
    ],
    "reverse_explorer": [
        *index("t", 0, 1000),
        *word("data", "eight_gaussians", "two_moons"),
        *word("start", "1", "2", "3", "4"),
        *word("noise", "1", "2", "3", "none"),
        *word("show", "score", "guess"),
    ],
    "elbo_explorer": ELBO,
    "schedule_explorer": [*index("t", 0, 1000), *MENUS],
    "ddim_explorer": [
        *index("frame", 0, 5),
        ({"frame": 3, "steps": 2}, IndexError, r"frame = 3 is outside 0\.\.2"),
        ({"steps": 3}, ValueError, r"no walk of steps=3, eta=0.0.*steps \[1, 2, 10, 25\]"),
        ({"eta": 0.7}, ValueError, r"eta=0\.7.*eta \[0\.0, 0\.5, 1\.0\]"),
    ],
    "guidance_field": [
        *index("t", 1, 1000),
        *word("y", "0", "1", "2"),
        *word("show", "guided", "score", "gradient"),
        ({"s": -1}, ValueError, "scale must lie in"),
    ],
    "guidance_explorer": [
        ({"w": 0.5}, ValueError, r"w must be one of \[0.0, 0.25, 1.0, 4.0\], got 0.5"),
        *word("show", "all", "one"),
    ],
    "flow_explorer": [
        *word("path", "ot", "vp", "trigonometric"),
        *word("compare", "exact", "pairs", "none"),
        *(*whole("steps", 1, 50), *whole("particle", 1, 48), *real("t", "[0, 1]", -0.1, 1.1)),
    ],
    "posterior_explorer": [*index("t", 1, 25), *SCHEDULE],
    "live_digits": [
        *(*index("frame", 0, 20), *WISHES),
        ({"steps": 10, "frame": 11}, IndexError, r"frame = 11 is outside 0\.\.10"),
    ],
    "live_walk": [*index("frame", 0, 50), *WALK],
    "live_ddim": [*index("frame", 0, 20), *TWO_STARTS],
    "live_guidance": [*index("frame", 0, 20), *GUIDED],
    "live_flow": [*index("frame", 0, 2), *FEW],
}


def flat(table: dict[str, list[Row]]) -> list[Any]:
    """The rows of all figures, each with the figure's name before it."""
    return [(name, *row) for name, rows in table.items() for row in rows]

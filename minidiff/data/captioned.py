"""Coloured digits with captions, made on the fly: whether a picture shows what was said can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import torch
from torch import Tensor

from ..base.contracts import contract
from ..base.rng import Generator, randint
from .images import SPLITS, digits

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""The digits as captions call them."""

COLOURS = {
    "red": (224, 32, 32),
    "yellow": (240, 208, 0),
    "green": (0, 160, 64),
    "cyan": (0, 192, 216),
    "blue": (32, 64, 224),
    "pink": (232, 64, 192),
}
"""The colours of digits, as 8-bit red, green and blue."""

GROUNDS = ((16, 16, 16), (112, 112, 112), (240, 240, 240))
"""The colours of the ground, of which captions say nothing."""

PLACES = ("left of", "right of", "above", "below")
"""Where the first of two digits stands, seen from the second."""

COMBINATIONS = ("seen", "heldout", "all")
"""Which scenes there are, those to learn from, those kept apart, and both together"""

SIDE = 32
ALONE, BESIDE = 24, 16  # sides of the one digit, and of each of two
MOVES = 4  # pixels that a digit is moved at most, each way
HELDOUT_STEP = 3  # from the first digit to the second, as on a clock of ten


@dataclass(frozen=True)
class Scene:
    """What a picture shows: one or two (colour, digit) and, for two, where the first stands."""

    things: tuple[tuple[str, int], ...]
    place: str | None = None

    @property
    def caption(self) -> str:
        """The one sentence that says it, for example "a green seven left of a blue one"."""
        said = [f"a {colour} {WORDS[digit]}" for colour, digit in self.things]
        return said[0] if self.place is None else f"{said[0]} {self.place} {said[1]}"

    @property
    def is_heldout(self) -> bool:
        """Whether it has a pair of colour and digit, or an order of two digits, that is kept apart."""
        pair = any(
            (list(COLOURS).index(colour) + digit) % len(COLOURS) == 0
            for colour, digit in self.things
        )
        digit = [digit for _, digit in self.things]
        return pair or (len(digit) == 2 and (digit[1] - digit[0]) % 10 == HELDOUT_STEP)


@contract(f"combinations: one of {COMBINATIONS}")
def scenes(combinations: str = "all") -> tuple[Scene, ...]:
    r"""Every scene: 60 of one digit, 14,400 of two.

    Kept apart are one colour of each digit (:math:`(c + d) \bmod 6 = 0`, with colours counted from 0), and
    the orders of two digits in which the second is three more than the first, with 0 after 9: there is "a red
    seven left of a blue four" to learn from, and no four that is named before a seven.
    """
    return _scenes()[COMBINATIONS.index(combinations)]


@cache
def _scenes() -> tuple[tuple[Scene, ...], ...]:
    things = list(product(COLOURS, range(10)))
    everything = [Scene((thing,)) for thing in things]
    everything += [Scene((a, b), place) for a, b, place in product(things, things, PLACES)]
    seen = tuple(scene for scene in everything if not scene.is_heldout)
    heldout = tuple(scene for scene in everything if scene.is_heldout)
    return seen, heldout, tuple(everything)


@dataclass(frozen=True)
class CaptionedDigits:
    """N pictures and what they show.

    Attributes:
        images: float32 (N, 3, 32, 32) in [-1, 1].
        scenes: What each shows.
    """

    images: Tensor
    scenes: tuple[Scene, ...]

    @property
    def captions(self) -> tuple[str, ...]:
        """A sentence for each."""
        return tuple(scene.caption for scene in self.scenes)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.images)


@contract(f"n: count, split: one of {SPLITS}, combinations: one of {COMBINATIONS}")
def captioned_digits(
    n: int,
    split: str = "train",
    combinations: str = "seen",
    generator: Generator | None = None,
) -> CaptionedDigits:
    """Make pictures of one or two coloured digits, with captions such as "a red three".

    Half of them show one digit, half show two. Each digit is a real one of the bundled set; its shape, the
    ground and a move of a few pixels are left to chance, and captions do not speak of them.

    Args:
        n: How many.
        split: Whose shapes: those of the digits' ``"train"`` or ``"heldout"`` part.
        combinations: ``"seen"``: what is to be learned from. ``"heldout"``: what is kept apart, see
            :func:`scenes`. ``"all"``: both.
        generator: Where the choices come from.

    Returns:
        The pictures, float32 (n, 3, 32, 32) in [-1, 1], with their scenes and captions.
    """
    known = scenes(combinations)
    ones = sum(scene.place is None for scene in known)
    two = randint(0, 1, (n,), generator).cpu()
    one_of_ones = randint(0, ones - 1, (n,), generator).cpu()
    one_of_twos = randint(ones, len(known) - 1, (n,), generator).cpu()
    chosen = tuple(known[i] for i in torch.where(two == 1, one_of_twos, one_of_ones).tolist())
    return CaptionedDigits(drawn(chosen, split, generator), chosen)


def drawn(
    wanted: tuple[Scene, ...], split: str = "train", generator: Generator | None = None
) -> Tensor:
    """Draw a picture of each scene, float32 (N, 3, 32, 32); shapes and ground are left to chance."""
    n = len(wanted)
    ground = torch.tensor(GROUNDS, dtype=torch.float32)[
        randint(0, len(GROUNDS) - 1, (n,), generator).cpu()
    ]
    pictures = ground[:, :, None, None].repeat(1, 1, SIDE, SIDE)
    which = randint(0, 2**31 - 1, (n, 2), generator).cpu().tolist()
    moves = randint(-MOVES, MOVES, (n, 2, 2), generator).cpu().tolist()
    for i, scene in enumerate(wanted):
        side = ALONE if scene.place is None else BESIDE
        shapes = _shapes(split, side)
        for k, (colour, digit) in enumerate(scene.things):
            ink = shapes[digit][which[i][k] % len(shapes[digit])]
            top, left = _corner(scene.place, k, moves[i][k])
            part = pictures[i, :, top : top + side, left : left + side]
            part += ink * (part.new_tensor(COLOURS[colour])[:, None, None] - part)
    return pictures.div_(127.5).sub_(1)


@cache
def _shapes(split: str, side: int) -> list[Tensor]:
    """By digit, how much of each pixel is covered, (N, side, side) in [0, 1]."""
    images, labels = digits(split, side)
    return [images[labels == digit, 0].add(1).div(2) for digit in range(10)]


def _corner(place: str | None, k: int, move: list[int]) -> tuple[int, int]:
    """Top and left of the first (k = 0) or the second digit."""
    if place is None:
        middle = (SIDE - ALONE) // 2
        return middle + move[0], middle + move[1]
    first_is_later = place in ("right of", "below")
    along = (SIDE - BESIDE) * ((k == 1) != first_is_later)
    # Across it has room; along it would leave the picture or run into the other.
    across = (SIDE - BESIDE) // 2 + move[0]
    return (across, along) if place in ("left of", "right of") else (along, across)

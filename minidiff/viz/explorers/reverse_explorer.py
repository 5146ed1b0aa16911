"""An interactive figure of the reverse process: noise in the plane, walked back by an exact denoiser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...base.times import check_t
from ...base.validate import check_choice
from ...chain.convert import x0_from_eps
from ...chain.exact import Mixture, mixture
from ...chain.schedule import linear_schedule
from ...sampling.step import sample_step
from ..hash_noise import normals
from ..plane import Centres, centres, eight_gaussians, frame_of, given_centres
from ..still import cloud_panel, figure
from ..widget import Widget, check_up_to, chosen, number

STARTS = (1, 2, 3, 4)
NOISES = ("1", "2", "3", "none")
SHOWS = ("score", "guess")
MOST_T, MOST_POINTS = 2000, 1000

# A point counts as near a centre within so many of the mixture's standard deviations: in the plane,
# 1 - e^-2 = 86.5 % of a normal distribution.
RADIUS = 2.0


class ReverseExplorer(Widget):
    """The figure that :func:`reverse_explorer` makes."""

    name = "reverse_explorer"
    scripts = ("schedules.js", "hash_noise.js", "plane.js", "player.js")

    def __init__(self, sets: Sequence[Centres], T: int, points: int, state: dict[str, Any]) -> None:
        self.sets = {one.name: one for one in sets}
        self.points = points
        self.state = state
        self.schedule = linear_schedule(T, rescale=True)
        self._walks: dict[tuple[str, int, str], list[Tensor]] = {}
        self._limit = frame_of(sets)
        data = {
            "T": T,
            "points": points,
            "limit": self._limit,
            "radius": RADIUS,
            "sets": [one.plain() for one in sets],
            "starts": STARTS,
            "noises": NOISES,
            "state": state,
        }
        names = " and ".join(one.label for one in sets)
        super().__init__(data, self._still(), f"reverse process explorer, {names}, T={T}")

    def eps_model(self, data: str) -> Mixture:
        """The exact denoiser that walks the points of a data set, :func:`minidiff.chain.exact.mixture`."""
        check_choice("data", data, tuple(self.sets))
        one = self.sets[data]
        return mixture(one.means, one.std, None, self.schedule)

    def walk(self, data: str, start: int, noise: str) -> list[Tensor]:
        r"""All states of one walk, :math:`x_0, x_1, \dots, x_T`, each (points, 2), float64.

        Args:
            data: Which data set.
            start: The seed of :math:`x_T`, 1..4.
            noise: The seed of the noise of the steps, ``"1"`` to ``"3"``; ``"none"`` adds none.

        Raises:
            ValueError: If one of them is not on offer.
        """
        eps_model = self.eps_model(data)
        check_choice("start", str(start), tuple(map(str, STARTS)))
        check_choice("noise", noise, NOISES)
        key = (data, start, noise)
        if key not in self._walks:
            states = [normals(start, 0, self.points, 2)]
            for t in range(self.schedule.T, 0, -1):
                x = states[-1]
                z = torch.zeros_like(x) if noise == "none" else normals(int(noise), t, *x.shape)
                x, _ = sample_step(eps_model(x, t), x, t, t - 1, self.schedule, noise=z)
                states.append(x)
            self._walks[key] = states[::-1]
        return self._walks[key]

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``data``, ``start``, ``noise``, ``show``, ``t``.

        Returns:
            Texts of ``alpha_bar_t``; of ``distance`` and ``guess``, the mean distances of
            :math:`x_t` and of the guess :math:`\hat x_0` from the nearest centre of the data; of
            ``near``, how many points lie within two standard deviations of a centre; and of
            ``sentence``.
        """
        state = chosen(self.state, controls)
        check_choice("show", state["show"], SHOWS)
        data, t, T = state["data"], state["t"], self.schedule.T
        x = self.walk(data, state["start"], state["noise"])
        check_t(t, T, low=0)
        one, guess = self.sets[data], x[t]
        if t > 0:
            guess = x0_from_eps(x[t], self.eps_model(data)(x[t], t), t, self.schedule)
        away, guess_away = (torch.cdist(v, one.means).amin(1) for v in (x[t], guess))
        radius = RADIUS * one.std
        near = f"{int((away <= radius).sum())} of {self.points}"
        where = f"{near} points lie within {radius:.2f} of a centre"
        if t == T:
            sentence = f"pure noise; {where} by chance. Walk back: move t to the left."
        elif t == 0:
            bare = ", and no step added fresh noise" if state["noise"] == "none" else ""
            sentence = f"the walk is over{bare}. {where}."
        else:
            sentence = (
                f"{where}. Their guesses of x₀ are {guess_away.mean():.3f} from one, on average."
            )
        drawn = "The arrows point where x is likelier."
        if state["show"] == "guess":
            drawn = "The lines lead to the guesses of x₀."
        if t > 0:
            sentence += f" {drawn}"
        return {
            "alpha_bar_t": number(float(self.schedule.alpha_bar[t])),
            "distance": f"{away.mean():.3f}",
            "guess": f"{guess_away.mean():.3f}",
            "near": near,
            "sentence": f"t = {t}: {sentence}",
        }

    def _still(self) -> str:
        T, parts = self.schedule.T, []
        x = self.walk(self.state["data"], self.state["start"], self.state["noise"])
        for place, share in enumerate((1, 0.6, 0.4, 0.2, 0.1, 0)):
            t = round(share * T)
            parts.append(cloud_panel(place, f"t = {t}", x[t].tolist(), self._limit))
        alt = (
            f"{self.points} points at six times of the reverse process: from a round cloud of noise at "
            f"t = {T} to the shape of the data at t = 0."
        )
        return figure(alt, 664, 132, parts)


def reverse_explorer(
    means: Tensor | None = None,
    std: float = 0.15,
    T: int = 1000,
    *,
    points: int = 200,
    t: int | None = None,
) -> ReverseExplorer:
    r"""Watch noise walk back to data in the plane, by a denoiser that is known exactly.

    The data are a mixture of equal normal distributions, :math:`\frac1K \sum_k \mathcal N(m_k, s^2 I)`.
    The points start as noise, and each step is :func:`minidiff.sample_step` (Algorithm 2) with the
    denoiser :func:`minidiff.chain.exact.mixture`:

    .. math::
        x_{t-1} = \tilde\mu_t(x_t, \hat x_0) + \sqrt{\tilde\beta_t}\, z, \qquad
        \hat x_0 = \mathbb E[x_0 \mid x_t]

    The figure draws the points at t, the ways of eight of them, the density of :math:`x_t`, and
    either the score :math:`\nabla \log q(x_t)` as arrows (times :math:`\sqrt{1-\bar\alpha_t}`, as long
    as the guessed noise) or a line from each point to its guess :math:`\hat x_0`. Controls choose t,
    the seed of the start and the seed of the noise that the steps add. All is computed in the page
    itself, in double precision, with the linear schedule rescaled to T.

    Args:
        means: :math:`m_k`, shape (K, 2) with K up to 100; they are rounded to five decimals. None
            offers two data sets: the eight Gaussians of ``md.data.toy``, and two moons made of 48
            small Gaussians.
        std: s of the given ``means``, in (0, 10).
        T: Number of steps, 25..2000.
        points: How many points walk, 10..1000.
        t: The time shown first, 0..T; None is T, where the walk begins.

    Returns:
        An object that a notebook shows as the figure.

    Raises:
        TypeError: If ``means`` is not a tensor of floating-point numbers.
        IndexError: If ``t`` is outside 0..T.
        ValueError: If another argument is out of its range.

    Source:
        Slides "The reverse process" and "Summary"; Ho et al. 2020, algorithm 2.
    """
    T = check_up_to("T", T, MOST_T, low=25)
    points = check_up_to("points", points, MOST_POINTS, low=10)
    sets = _bundled() if means is None else [given_centres(means, std)]
    t = T if t is None else t
    check_t(t, T, low=0)
    state = {"data": sets[0].name, "start": 1, "noise": "1", "show": "score", "t": int(t)}
    return ReverseExplorer(sets, T, points, state)


def _bundled() -> list[Centres]:
    # The two half circles of toy("two_moons"), each as 24 places in its middle.
    angle = math.pi * (torch.arange(24, dtype=torch.float64) + 0.5) / 24
    moon = torch.stack([angle.cos() - 0.5, angle.sin() - 0.25], dim=1) * 4 / 3
    return [
        eight_gaussians(),
        centres("two_moons", "two moons", torch.cat([moon, -moon]), 0.1),
    ]

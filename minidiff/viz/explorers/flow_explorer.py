"""An interactive figure of a flow: noise in the plane, carried to data by the exact velocity."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...base.validate import check_choice, check_number
from ...flow import (
    Path,
    exact_velocity,
    flow_steps,
    on_path,
    ot_path,
    straightness,
    trigonometric_path,
    vp_path,
)
from ...flow.velocity import Velocity
from ..hash_noise import normals
from ..plane import Centres, eight_gaussians, frame_of, given_centres
from ..still import cloud_panel, figure
from ..widget import Widget, check_up_to, chosen, vector

BETA_MIN, BETA_MAX = 0.1, 20.0  # vp_path's own
PATHS = {
    "ot": ("straight", ot_path()),
    "vp": ("diffusion (VP)", vp_path(BETA_MIN, BETA_MAX)),
    "trigonometric": ("trigonometric", trigonometric_path()),
}
DRAWN = {
    "exact": "Thin lines: the exact flow. Its ways never meet at the same time.",
    "pairs": "Thin lines: the paths of random pairs, one from each start. They cross as they like.",
    "none": "",
}
MOST_STEPS, MOST_POINTS, MOST_SEED = 50, 200, 1000

# Steps of "rk4" that stand for the exact flow, one for each hundredth of the time slider. Their ends
# are right to about 1e-5, also for narrow Gaussians; the figure writes three decimals.
EXACT = 100
LEAST_STD = 0.05  # with narrower ones they no longer would be


class _Exact(NamedTuple):
    """The flow of one path, as good as exact."""

    states: list[Tensor]  # at t = 0, 0.01, ..., 1
    straightness: Tensor  # of each particle's way


class FlowExplorer(Widget):
    """The figure that :func:`flow_explorer` makes."""

    name = "flow_explorer"
    scripts = ("hash_noise.js", "plane.js", "player.js")

    def __init__(self, data: Centres, points: int, seed: int, state: dict[str, Any]) -> None:
        self.data = data
        self.points = points
        self.state = state
        self._seed = seed
        #: Where the particles start, (points, 2), float64.
        self.noise = normals(seed, 0, points, 2)
        self._limit = frame_of([data])
        # Not a method with @cache: that would keep every figure alive.
        self._exact = cache(self._exactly)
        self._walk = cache(self._euler)
        if state["particle"] is None:
            state["particle"] = 1 + int(self._exact(state["path"]).straightness.argmax())
        sent = {
            "paths": [
                {"name": name, "label": label, "end": path.end}
                for name, (label, path) in PATHS.items()
            ],
            "beta_min": BETA_MIN,
            "beta_max": BETA_MAX,
            "means": data.plain()["means"],
            "std": data.std,
            "points": points,
            "seed": seed,
            "exact": EXACT,
            "most_steps": MOST_STEPS,
            "limit": self._limit,
            "state": state,
        }
        summary = f"flow explorer, {data.label}, {state['path']} path, {state['steps']} steps"
        super().__init__(sent, self._still(), summary)

    def velocity(self, path: str) -> Velocity:
        """The exact velocity of a path by its name, :func:`minidiff.flow.exact_velocity`."""
        return exact_velocity(self.data.means, self.data.std, None, _path(path))

    def pairs(self, path: str, t: float) -> Tensor:
        """Where the conditional paths of the figure's random pairs are at t, (points, 2).

        Pair i joins the start of particle i to an example of the data drawn without looking at it.
        """
        means = self.data.means[torch.arange(self.points) % len(self.data.means)]
        data = means + self.data.std * normals(self._seed, 1, self.points, 2)
        way = _path(path)
        return on_path(self.noise, data, min(t, way.end), way)[0]

    def walk(self, path: str, steps: int) -> list[Tensor]:
        """The states of an Euler walk at t = 0, 1/steps, ..., 1, each (points, 2), float64."""
        _path(path)
        return self._walk(path, check_up_to("steps", steps, MOST_STEPS))

    def exact(self, path: str) -> list[Tensor]:
        """The states of the exact flow at t = 0, 0.01, ..., 1, each (points, 2), float64."""
        _path(path)
        return self._exact(path).states

    def readout(self, **controls: Any) -> dict[str, str]:
        r"""What the figure writes for a state of its controls.

        Args:
            **controls: Any of ``path``, ``steps``, ``compare``, ``particle``, ``t``.

        Returns:
            Texts of ``error``, the mean distance of the particles from the exact flow at t = 1; of
            ``gap``, the same at t; of ``straightness``, the mean of
            :func:`minidiff.flow.straightness` over the particles of the exact flow; of
            ``position``, where the chosen particle is; and of ``sentence``.
        """
        state = chosen(self.state, controls)
        path, steps, t = state["path"], state["steps"], _hundredth(state["t"])
        compare, particle = (
            state["compare"],
            check_up_to("particle", state["particle"], self.points),
        )
        check_choice("compare", compare, tuple(DRAWN))
        walk, exact = self.walk(path, steps), self.exact(path)
        here = between(walk, t)
        error, gap = (
            f"{(x - y).norm(dim=1).mean():.3f}"
            for x, y in ((walk[-1], exact[-1]), (here, exact[round(100 * t)]))
        )
        many = f"{steps} Euler step{'s' * (steps > 1)}"
        if t == 0:
            sentence = (
                f"pure noise. With {many} to t = 1 the particles end {error} from the exact flow, on "
                f"average."
            )
        elif t == 1:
            sentence = f"after {many} the particles are {error} from the ends of the exact flow, on average."
        else:
            sentence = (
                f"with {many} the particles are {gap} from the exact flow, on average; at t = 1 it "
                f"will be {error}."
            )
        return {
            "error": error,
            "gap": gap,
            "straightness": f"{self._exact(path).straightness.mean():.3f}",
            "position": vector(here[particle - 1].tolist()),
            "sentence": f"t = {f'{t:.2f}' if 0 < t < 1 else int(t)}: {sentence} {DRAWN[compare]}".rstrip(),
        }

    def _exactly(self, path: str) -> _Exact:
        velocity = self.velocity(path)
        states = [state.x for state in flow_steps(velocity, self.noise, EXACT, solver="rk4")]
        bent = straightness(velocity, self.noise, EXACT, solver="rk4")
        return _Exact(states, bent)

    def _euler(self, path: str, steps: int) -> list[Tensor]:
        return [state.x for state in flow_steps(self.velocity(path), self.noise, steps)]

    def _still(self) -> str:
        walk = self.walk(self.state["path"], self.state["steps"])
        ways = torch.stack([between(walk, k / 8) for k in range(9)], dim=1).tolist()
        parts = []
        for place in range(6):
            here = between(walk, place / 5).tolist()
            drawn = ways if place == 5 else []
            parts.append(cloud_panel(place, f"t = {place / 5:g}", here, self._limit, drawn))
        alt = (
            f"{self.points} particles at six times of a flow: from a round cloud of noise at t = 0 to "
            f"the data at t = 1, there with the ways by which they came."
        )
        return figure(alt, 664, 132, parts)


def flow_explorer(
    means: Tensor | None = None,
    std: float = 0.15,
    *,
    path: str = "ot",
    steps: int = 8,
    t: float = 0.6,
    compare: str = "exact",
    particle: int | None = None,
    points: int = 48,
    seed: int = 1,
) -> FlowExplorer:
    r"""Watch a flow carry noise to data in the plane, by a velocity that is known exactly.

    The data are a mixture of equal normal distributions, :math:`\frac1K \sum_k \mathcal N(m_k, s^2 I)`,
    and the velocity is :func:`minidiff.flow.exact_velocity`: no network, nothing trained. What is
    wrong at the end is therefore the solver's alone, and the figure says how much it is: Euler's
    method with n steps of length 1/n,

    .. math:: x_{t + 1/n} = x_t + \tfrac1n\, u(x_t, t)

    beside 100 steps of ``"rk4"`` from the same noise, which stand for the exact flow. Controls choose
    the path, n, the time, which particle to follow, and what is drawn for comparison: the exact flow,
    or the conditional paths of random pairs, whose velocities the flow averages. A plot shows the
    error for each n and each path. All is computed in the page itself, in double precision.

    Args:
        means: :math:`m_k`, shape (K, 2) with K up to 100; they are rounded to five decimals. None
            takes the eight Gaussians of ``md.data.toy``.
        std: s of the given ``means``, 0.05..10.
        path: Shown first: ``"ot"`` (:func:`~minidiff.flow.ot_path`), ``"vp"``
            (:func:`~minidiff.flow.vp_path`) or ``"trigonometric"``.
        steps: n at first, 1..50.
        t: Time shown first, 0 (noise) to 1 (data); rounded to hundredths.
        compare: Drawn at first beside the particles: ``"exact"``, ``"pairs"`` or ``"none"``.
        particle: Followed at first, 1..points; None is the one whose exact way bends most.
        points: How many particles, 4..200.
        seed: Of the noise that they start from and of the pairs, 1..1000.

    Returns:
        An object that a notebook shows as the figure. Its ``noise``, ``velocity(path)``,
        ``walk(path, steps)`` and ``exact(path)`` are what it draws.

    Raises:
        TypeError: If ``means`` is not a tensor of floating-point numbers, or a number is none.
        ValueError: If an argument is out of its range.

    Source:
        Lipman et al. 2023, theorem 1 and figure 3; slide "Flux".
    """
    check_number("std", std, LEAST_STD, 10)
    data = eight_gaussians() if means is None else given_centres(means, std)
    points = check_up_to("points", points, MOST_POINTS, low=4)
    seed = check_up_to("seed", seed, MOST_SEED)
    check_choice("compare", compare, tuple(DRAWN))
    _path(path)
    state = {
        "path": path,
        "steps": check_up_to("steps", steps, MOST_STEPS),
        "compare": compare,
        "particle": None if particle is None else check_up_to("particle", particle, points),
        "t": _hundredth(t),
    }
    return FlowExplorer(data, points, seed, state)


def between(walk: list[Tensor], t: float) -> Tensor:
    """The place at t of an Euler walk with steps of equal length: straight from state to state."""
    steps = len(walk) - 1
    i = min(int(t * steps), steps - 1)
    return walk[i] + (t * steps - i) * (walk[i + 1] - walk[i])


def _path(name: str) -> Path:
    check_choice("path", name, tuple(PATHS))
    return PATHS[name][1]


def _hundredth(t: Any) -> float:
    return round(100 * check_number("t", t, 0, 1)) / 100

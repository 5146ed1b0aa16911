"""Rules of options that go together, or do not, and of probabilities of times."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def every_time_is_drawn(probabilities: Tensor | None) -> None:
    """ValueError: If ``probabilities`` is not 0 at t = 0 and above 0 at t = 1..T."""
    p = probabilities
    if p is not None and (p[0] != 0 or not bool((p[1:] > 0).all())):
        raise ValueError(
            f"probabilities must be 0 at t = 0 and above 0 at t = 1..T, or some terms are never seen; "
            f"got {float(p[0])} at 0 and a smallest of {float(p[1:].min()):g} after it"
        )


def some_term_is_there(terms: Any) -> None:
    """ValueError: If the chain has one step only: nothing to draw."""
    if not float(terms.L_t.square().sum()) > 0:
        raise ValueError("terms.L_t is 0 everywhere: there are no times to choose from")


def drawn_from_2(probabilities: Tensor) -> None:
    """ValueError: If ``probabilities`` is not 0 at t = 0 and 1."""
    if probabilities[:2].any():
        raise ValueError(
            f"probabilities must be 0 at t = 0 and 1 (L_0 is always computed); got "
            f"{probabilities[:2].tolist()}"
        )


def noise_suits_eta(variance: str, eta: float) -> None:
    """ValueError: If the added noise goes with DDPM only (variance "large" or "learned") and η is not 1."""
    if variance != "small" and eta != 1:
        raise ValueError(f"variance={variance!r} needs eta = 1 (DDPM), got eta = {eta:g}")


def v_is_learned(v: Tensor | None, variance: str) -> None:
    """ValueError: If v is given without variance="learned", or the other way round."""
    if (v is not None) != (variance == "learned"):
        raise ValueError(
            f"v is the mixing weight of variance='learned': give both or neither; got "
            f"variance={variance!r} {'without' if v is None else 'with'} v"
        )

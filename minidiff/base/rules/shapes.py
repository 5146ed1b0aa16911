"""Rules of shapes: those that an argument shares with others, or with the object that is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..validate import as_numbers, shown


def shapes_go_together(mean_1: Any, var_1: Any, mean_2: Any, var_2: Any) -> None:
    """ValueError: If tensors differ in their number of dimensions, or in a length that is not 1."""
    named = {"mean_1": mean_1, "var_1": var_1, "mean_2": mean_2, "var_2": var_2}
    largest = max((torch.as_tensor(x) for x in named.values()), key=Tensor.dim)
    for name, value in named.items():
        check_goes_with(name, value, largest)


def var_goes_with_x(x: Tensor, var: Any) -> None:
    """ValueError: If the variance has another number of dimensions than x, or a length that does not fit."""
    check_goes_with("var", var, x)


def check_goes_with(name: str, value: Any, x: Tensor) -> None:
    """Refuse a tensor that multiplies x only by being moved along its dimensions."""
    shape = value.shape if isinstance(value, Tensor) else ()
    if len(shape) not in (0, x.dim()) or any(
        n not in (1, m) and m != 1 for n, m in zip(shape, x.shape, strict=False)
    ):
        raise ValueError(
            f"{name} has shape {tuple(shape)}, which does not go with "
            f"{tuple(x.shape)}: give a number, or a tensor with as many dimensions"
        )


def check_example(model: Any, name: str, x: Tensor) -> None:
    """Refuse examples of another shape than the mean and the std, where those are no numbers."""
    for own, value in (("mean", model.mean), ("std", model.std)):
        if value.dim() > 0 and value.shape != x.shape[1:]:
            raise ValueError(
                f"{own} has shape {tuple(value.shape)}, but one example of {name} has "
                f"{tuple(x.shape[1:])}; they must be equal, or {own} one number"
            )


def x_t_fits(self: Any, x_t: Tensor) -> None:
    """ValueError: If a tensor m or s has not the shape of one example."""
    check_example(self, "x_t", x_t)


def x_0_fits(self: Any, x_0: Tensor) -> None:
    """ValueError: If a tensor m or s has not the shape of one example."""
    check_example(self, "x_0", x_0)


def a_std_a_component(means: Tensor, std: float | Tensor) -> None:
    """ValueError: If std is neither one number nor one for each component."""
    count, shape = len(means), tuple(as_numbers("std", std).shape)
    if shape not in ((), (count,)):
        raise ValueError(
            f"std must be one number or have shape ({count},), one a component; got {shape}"
        )


def a_weight_a_component(means: Tensor, weights: Tensor | None) -> None:
    """ValueError: If there is not one weight above 0 for each component."""
    if weights is None:
        return
    w = as_numbers("weights", weights)
    if w.shape != (len(means),) or (w <= 0).any():
        raise ValueError(
            f"weights must be {len(means)} positive numbers, one a component; got {weights!r}"
        )


def one_example_as_the_means(self: Any, x_t: Tensor) -> None:
    """ValueError: If one example has another shape than the means."""
    example = self.means.shape[1:]
    if x_t.shape[1:] != example:
        raise ValueError(
            f"x_t must have shape (B, {', '.join(map(str, example))}); got {tuple(x_t.shape)}"
        )


def std_fits(means: Tensor, std: float | Tensor) -> None:
    """ValueError: If std is neither one number, nor one for each component, nor of the means' shape."""
    shape = as_numbers("std", std).shape
    if shape not in ((), (len(means),), means.shape):
        raise ValueError(
            f"std must be one number, have shape ({len(means)},), one a component, or the shape of means, "
            f"{tuple(means.shape)}; got {tuple(shape)}"
        )


def two_halves(output: Tensor) -> None:
    """ValueError: If its number of channels is odd."""
    if output.dim() < 2 or output.shape[1] % 2:
        raise ValueError(
            f"output must have shape (B, 2C, ...), the prediction and the variance; got "
            f"{tuple(output.shape)}. Build the network with out_channels = 2 * channels"
        )


def an_error_for_each_t(x0_error: Tensor, schedule: Any) -> None:
    """ValueError: If it has another shape than (B, T+1)."""
    if x0_error.dim() != 2 or x0_error.shape[1] != schedule.T + 1:
        raise ValueError(
            f"x0_error must have shape (B, T+1) = (B, {schedule.T + 1}), got {tuple(x0_error.shape)}"
        )


def noise_holds_draws(x_0: Tensor, noise: Tensor | None) -> None:
    """ValueError: If noise is given in another shape than (draws, B, ...)."""
    if noise is not None and noise.shape[1:] != x_0.shape:
        raise ValueError(
            f"noise must have shape (draws, B, ...) = (draws, {', '.join(map(str, x_0.shape))}); "
            f"got {tuple(noise.shape)}"
        )


def t_is_a_tensor(t: Tensor) -> None:
    """TypeError: If ``t`` is no tensor."""
    if not isinstance(t, Tensor):
        raise TypeError(f"t must be a tensor of shape (B,), but it is a {type(t).__name__}")


def one_t_each(t: Tensor) -> None:
    """ValueError: If ``t`` is of another shape than (B,)."""
    if t.ndim != 1:
        raise ValueError(f"t must have shape (B,), but its shape is {tuple(t.shape)}")


def attention_at_each_level(multipliers: Sequence[int], attention: Sequence[bool] | None) -> None:
    """ValueError: If ``attention`` does not say yes or no for each level."""
    if attention is not None and len(attention) != len(multipliers):
        raise ValueError(
            f"attention must say yes or no for each of the {len(multipliers)} levels of "
            f"multipliers, got {list(attention)}"
        )


def a_tensor_masks(mask: Tensor) -> None:
    """TypeError: If ``mask`` is no tensor."""
    if not isinstance(mask, Tensor):
        raise TypeError(f"mask must be a tensor of 0 and 1, or of bools, got {shown(mask)}")


def zeros_and_ones(known: Tensor, mask: Tensor) -> None:
    """ValueError: If ``mask`` holds anything but 0 and 1, or does not go with ``known``."""
    missing = known.dim() - mask.dim()
    pairs = zip(mask.shape, known.shape[max(missing, 0) :], strict=False)
    if missing < 0 or any(n not in (1, m) for n, m in pairs):
        raise ValueError(
            f"mask must go with known, {tuple(known.shape)}, as (B, 1, H, W) or (H, W) does with pictures; "
            f"got {tuple(mask.shape)}"
        )
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError(
            "mask must hold 1 where known is known, 0 where it is to be drawn, and nothing else"
        )

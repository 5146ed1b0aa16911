"""Checks at the public boundary: what was given, what is allowed, what to do."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

INTEGER_IMAGE_HINT = "convert 8-bit pixels with x.float() / 127.5 - 1"


def check_floats(name: str, x: Any, *, look_inside: bool = True) -> Tensor:
    """Refuse everything but a non-empty, finite tensor of floating-point numbers.

    ``look_inside=False`` leaves out the search for NaN, which an inner loop on a GPU would wait for.

    Raises:
        TypeError: If ``x`` is no tensor, or one of integers.
        ValueError: If ``x`` is empty or holds NaN or infinity.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {shown(x)}")
    if not x.is_floating_point():
        raise TypeError(
            f"{name} must hold floating-point numbers, got {x.dtype}; {INTEGER_IMAGE_HINT}"
        )
    if x.dim() == 0:
        raise ValueError(f"{name} must have a batch dimension, shape (B, ...); got a scalar")
    if x.numel() == 0:
        raise ValueError(f"{name} is empty: its shape is {tuple(x.shape)}; give at least one entry")
    # One NaN or infinity makes the sum so too; the slower look is needed only then.
    bare = x.detach() if x.requires_grad else x
    if look_inside and not math.isfinite(bare.sum().item()) and not x.isfinite().all():
        wrong = x[~x.isfinite()]
        raise ValueError(
            f"{name} holds NaN or infinity ({wrong.numel()} of {x.numel()} entries, the first one is "
            f"{float(wrong.detach()[0])}); look at the step that made it"
        )
    return x


def check_examples(name: str, x: Any, count: str = "K") -> None:
    """Refuse everything but finite floats in the shape (K, ...), one row for each example.

    Raises:
        TypeError, ValueError: As :func:`check_floats`; also if there is nothing behind K.
    """
    if check_floats(name, x).dim() < 2:
        raise ValueError(
            f"{name} must have shape ({count}, ...), one row for each example; got {tuple(x.shape)}"
        )


def shown(value: Any) -> str:
    """A value and its type, for an error: ``2.5 (float)``; long ones are cut short."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def check_schedule(schedule: Any) -> None:
    """Refuse everything but a noise schedule: arguments in another order are the usual slip.

    Raises:
        TypeError: If ``schedule`` has no tables.
    """
    if not hasattr(schedule, "alpha_bar"):
        raise TypeError(
            f"schedule must be a NoiseSchedule, such as linear_schedule(), got {shown(schedule)}"
        )


def check_same_shape(name: str, x: Any, reference_name: str, reference: Tensor) -> None:
    """Refuse shapes that are not equal: broadcasting them silently is the usual bug."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {shown(x)}")
    if x.shape != reference.shape:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)} and {reference_name} has shape "
            f"{tuple(reference.shape)}; they must be equal (nothing is broadcast for you)"
        )


def check_labels(
    y: Any,
    classes: int,
    batch: int | None = None,
    *,
    name: str = "y",
    look_inside: bool = True,
) -> None:
    """Refuse labels that are not an int or a LongTensor (B,) within 0..classes.

    ``classes`` itself is allowed: it is the null label (no class given). ``look_inside=False``
    leaves out the range, for which an inner loop on a GPU would wait.
    """
    if isinstance(y, Tensor):
        if y.dtype != torch.int64:
            raise TypeError(f"{name} must be an int or a LongTensor (dtype int64), got {y.dtype}")
        if y.dim() != 1 or y.numel() == 0 or (batch is not None and y.shape[0] != batch):
            wanted = "(B,)" if batch is None else f"({batch},), one label for each example"
            raise ValueError(f"{name} must have shape {wanted}; got {tuple(y.shape)}")
        if not look_inside:
            return
        smallest, largest = (int(v) for v in y.aminmax())
    elif isinstance(y, Integral) and not isinstance(y, bool):
        smallest = largest = int(y)
    else:
        raise TypeError(f"{name} must be an int or a LongTensor (B,), got {shown(y)}")
    if smallest < 0 or largest > classes:
        wrong = smallest if smallest < 0 else largest
        raise IndexError(
            f"{name} = {wrong} is outside 0..{classes - 1} ({classes} itself is the null label)"
        )


def check_any_label(y: Any, *, name: str = "y") -> None:
    """Refuse what can be no label, whatever the number of classes.

    Raises:
        TypeError: If ``y`` is neither an int nor a LongTensor.
        ValueError: If it is a tensor of another shape than (B,).
        IndexError: If a label is negative.
    """
    smallest = int(y.min()) if isinstance(y, Tensor) and y.numel() else y
    if isinstance(smallest, int) and smallest < 0:
        raise IndexError(f"{name} = {smallest} is negative; labels count from 0")
    check_labels(y, 2**62, name=name)


def check_each_label(name: str, y: Any, examples: Any) -> None:
    """Refuse everything but a label from 0 up for each example, a LongTensor (N,).

    Raises:
        TypeError: If it is no LongTensor.
        ValueError: If it has another shape.
        IndexError: If a label is negative.
    """
    if not isinstance(y, Tensor) or y.dtype != torch.int64:
        found = y.dtype if isinstance(y, Tensor) else type(y).__name__
        raise TypeError(f"{name} must be a LongTensor (N,), got {found}")
    if y.shape != (len(examples),):
        raise ValueError(
            f"{name} must have shape ({len(examples)},), one for each example; got {tuple(y.shape)}"
        )
    if int(y.min()) < 0:
        raise IndexError(f"{name} holds {int(y.min())}, but labels count from 0")


def check_function(name: str, value: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {shown(value)}")


def check_generator(name: str, value: Any) -> None:
    """Refuse everything but what draws: a generator of torch, a list of them, or None for torch's own.

    Raises:
        TypeError: If it is something else; a number is the usual slip.
    """
    if value is None or isinstance(value, torch.Generator) or hasattr(value, "total"):
        return
    if isinstance(value, Sequence) and not isinstance(value, str):
        wrong = next((one for one in value if not isinstance(one, torch.Generator)), None)
        if value and wrong is None:
            return
    hint = f": write {name}=md.seeded({value})" if type(value) is int and value >= 0 else ""
    raise TypeError(
        f"{name} must be a torch.Generator, such as md.seeded(0), or a list of them, one for each example; "
        f"got {shown(value)}{hint}"
    )


def check_module(name: str, value: Any) -> None:
    """Refuse everything but a module of torch: only that has weights to train."""
    if not isinstance(value, torch.nn.Module):
        raise TypeError(f"{name} must be a torch.nn.Module, got {shown(value)}")


def check_int(name: str, n: Any) -> int:
    """Refuse everything but an integer."""
    if not isinstance(n, Integral) or isinstance(n, bool):
        raise TypeError(f"{name} must be an integer, got {n!r}")
    return int(n)


def check_positive_int(name: str, n: Any, low: int = 1) -> int:
    """Refuse everything but an integer of at least ``low``."""
    if check_int(name, n) < low:
        raise ValueError(f"{name} must be at least {low}, got {n}")
    return int(n)


def check_divides(name: str, n: Any, whole_name: str, whole: int) -> None:
    """Refuse everything but a positive integer that divides another argument."""
    if whole % check_positive_int(name, n):
        raise ValueError(f"{name} must divide {whole_name} = {whole}, got {n}")


def check_multiple(name: str, n: Any, unit: int, why: str) -> None:
    """Refuse everything but ``unit``, 2·``unit``, 3·``unit``, ..., and say ``why``."""
    if check_int(name, n) % unit or n < unit:
        kind = "even" if unit == 2 else f"a multiple of {unit}"
        raise ValueError(f"{name} must be {kind}, at least {unit} ({why}), got {n}")


def check_counts(name: str, values: Any, low: int = 1) -> None:
    """Refuse everything but a list of integers of at least ``low``, and at least one of them."""
    example = f"such as [{low}, {low + 1}]"
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(f"{name} must be a list {example}, got {shown(values)}")
    if not values:
        raise ValueError(f"{name} is empty; {name} must name at least one, {example}")
    for i, n in enumerate(values):
        check_positive_int(f"{name}[{i}]", n, low=low)


def check_number(
    name: str,
    value: Any,
    low: float,
    high: float,
    *,
    open_ends: bool = False,
    open_high: bool = False,
) -> float:
    """Refuse everything but a finite number within [low, high], (low, high) or [low, high)."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    number = float(value)
    above = low < number if open_ends else low <= number
    below = number < high if open_ends or open_high else number <= high
    if not (math.isfinite(number) and above and below):
        left, right = "(" if open_ends else "[", ")" if open_ends or open_high else "]"
        raise ValueError(f"{name} must lie in {left}{low:g}, {high:g}{right}, got {value!r}")
    return number


def check_value(name: str, value: Any, *, positive: bool = False) -> None:
    """Refuse everything but a finite number or a tensor of finite floats (above 0, if that is asked).

    Raises:
        TypeError: If it is neither.
        ValueError: If it is NaN, infinite or not positive.
    """
    if not (isinstance(value, Tensor) and value.is_floating_point()) and (
        isinstance(value, bool) or not isinstance(value, int | float)
    ):
        raise TypeError(f"{name} must be a number or a tensor of floats, got {shown(value)}")
    numbers = torch.as_tensor(value).detach()
    if not torch.isfinite(numbers).all():
        raise ValueError(f"{name} holds NaN or infinity")
    if positive and not bool((numbers > 0).all()):
        raise ValueError(
            f"{name} must be positive, got {float(numbers.min()):g}; it is the variance"
        )


def as_numbers(name: str, value: Any, *, low: float = -math.inf) -> Tensor:
    """A number or a tensor as finite float64 numbers, none of them below ``low``.

    Raises:
        TypeError: If it is not made of numbers.
        ValueError: If one is NaN, infinite or too small.
    """
    try:
        numbers = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be a number or a tensor, got {shown(value)}") from error
    if not torch.isfinite(numbers).all():
        raise ValueError(f"{name} must be finite, got {value!r}")
    if (numbers < low).any():
        raise ValueError(f"{name} must be at least {low:g}, got {value!r}")
    return numbers


def check_share(name: str, share: Any, batch: int | None) -> None:
    """Refuse everything but a number in [0, 1], or one for each example, floats (B,).

    Raises:
        TypeError: If it is no number, and no tensor of floats.
        ValueError: If it has another shape, or lies outside.
    """
    if not isinstance(share, Tensor):
        check_number(name, share, 0, 1)
        return
    check_floats(name, share)
    if share.shape != (batch,):
        raise ValueError(
            f"{name} must be one number or have shape ({batch},), one for each example; got "
            f"{tuple(share.shape)}"
        )
    if bool((share < 0).any()) or bool((share > 1).any()):
        raise ValueError(
            f"{name} must lie in [0, 1], got {float(share.min()):g}..{float(share.max()):g}"
        )


def check_choice(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Refuse everything but one of the allowed words."""
    if value not in allowed:
        words = ", ".join(repr(word) for word in allowed)
        raise ValueError(f"{name} must be one of {words}; got {value!r}")


def check_shape(shape: Any) -> tuple[int, ...]:
    """Refuse everything but a shape (B, ...) with positive entries."""
    if isinstance(shape, Integral) or not isinstance(shape, Sequence):
        raise TypeError(f"shape must be a sequence such as (16, 1, 16, 16), got {shape!r}")
    if len(shape) < 2:
        raise ValueError(f"shape must be (B, ...), batch first, got {tuple(shape)}")
    return tuple(check_positive_int(f"shape[{i}]", n) for i, n in enumerate(shape))


def check_probabilities(name: str, p: Any, T: int) -> Tensor:
    """Refuse everything but T+1 numbers of at least 0 and sum 1; give them in double precision."""
    check_floats(name, p)
    if p.shape != (T + 1,):
        raise ValueError(f"{name} must have shape (T+1,) = ({T + 1},), got {tuple(p.shape)}")
    table: Tensor = p.detach().double().cpu()
    if (table < 0).any() or abs(float(table.sum()) - 1) > 1e-6:
        raise ValueError(
            f"{name} must be at least 0 and sum to 1; got a sum of {float(table.sum()):g} and a "
            f"smallest entry of {float(table.min()):g}"
        )
    return table

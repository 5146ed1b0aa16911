"""What a network accepts. These checks stand in the inner loop, so none of them reads a GPU."""

from __future__ import annotations

import torch
from torch import Tensor

from .validate import INTEGER_IMAGE_HINT, check_labels, shown


def check_input(x: Tensor, layout: str, channels: int) -> None:
    """Refuse everything but a non-empty floating-point tensor of the wanted layout.

    Args:
        x: What the caller passed.
        layout: The wanted shape in words, ``"(B, C, H, W)"`` or ``"(B, D)"``.
        channels: The wanted length of dimension 1.

    Raises:
        TypeError: If ``x`` is no tensor, or one of integers.
        ValueError: If its shape is another, or the batch is empty.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a torch.Tensor of shape {layout}, got {shown(x)}")
    if not x.is_floating_point():
        raise TypeError(f"x must hold floating-point numbers, got {x.dtype}; {INTEGER_IMAGE_HINT}")
    shape = tuple(x.shape)
    dims = layout.count(",") + 1
    if x.dim() != dims:
        hint = f"; {_missing(shape, dims, channels)}" if x.dim() == dims - 1 else ""
        raise ValueError(f"x must have shape {layout}, got {shape}{hint}")
    if shape[1] != channels:
        last = dims > 2 and shape[-1] == channels
        hint = "; channels come second: rearrange(x, 'b h w c -> b c h w')" if last else ""
        raise ValueError(f"x must have {channels} channel(s) in dimension 1, got {shape}{hint}")
    if x.numel() == 0:
        raise ValueError(f"x is empty: its shape is {shape}; give at least one entry")


def _missing(shape: tuple[int, ...], dims: int, channels: int) -> str:
    """Which dimension is missing: the batch's, or that of the channels."""
    if dims == 2 or shape[0] == channels:
        return "add the batch dimension with x[None]"
    if channels == 1:
        return "grey pictures have a channel, too: add it with x[:, None]"
    return f"repeat a grey picture in each channel with x[:, None].expand(-1, {channels}, -1, -1)"


def check_halvings(x: Tensor, halvings: int, patch: int = 1) -> None:
    """Refuse images whose height and width cannot be halved as often as a network does, after its patches.

    Raises:
        ValueError: If one of the two is no multiple of 2 to that power, times the side of a patch.
    """
    multiple = patch * 2**halvings
    patches = f"cuts pictures into patches of {patch}×{patch} and " if patch > 1 else ""
    if x.shape[2] % multiple or x.shape[3] % multiple:
        raise ValueError(
            f"x is {x.shape[2]}×{x.shape[3]} pixels, but this network {patches}halves height and width "
            f"{halvings} time(s), so both must be multiples of {multiple}; pad or resize the "
            "images, or make the network with fewer multipliers"
        )


def batch_of_times(t: Tensor | float, batch: int, device: torch.device) -> Tensor:
    """Make t a tensor (B,): a number stands for the whole batch.

    Raises:
        TypeError: If ``t`` is neither a number nor a tensor of real numbers.
        ValueError: If its shape is neither () nor (B,).
    """
    if isinstance(t, bool) or not isinstance(t, int | float | Tensor):
        raise TypeError(f"t must be a number or a tensor ({batch},), got {shown(t)}")
    t = torch.as_tensor(t, device=device)
    if t.dtype == torch.bool or t.is_complex():
        raise TypeError(f"t must hold integers or floats, got {t.dtype}")
    if t.shape not in ((), (batch,)):
        raise ValueError(
            f"t must be one number or have shape ({batch},), one time for each example; "
            f"got {tuple(t.shape)}"
        )
    return t.expand(batch)


def batch_of_labels(
    y: Tensor | int | None, classes: int | None, batch: int, device: torch.device
) -> Tensor | None:
    """Make y an int64 tensor (B,), where ``None`` becomes the null label, ``classes``.

    The range is checked on the CPU only, and not in a compiled network: on a GPU each step would wait for
    the device, and a compiler does not know values.

    Raises:
        TypeError: If labels are not integers.
        ValueError: If the network takes no labels, or the shape is not (B,).
        IndexError: If a label is outside 0..classes.
    """
    if classes is None:
        if y is not None:
            raise ValueError(
                "y was given, but this network takes no labels; make it with classes=… or leave "
                "y out"
            )
        return None
    if y is None:
        y = classes
    # torch.compile cannot look at values: it would have to stop in the middle of the network.
    seen = not isinstance(y, Tensor) or (
        y.device.type == "cpu" and not torch.compiler.is_compiling()
    )
    if seen:
        check_labels(y, classes, batch)
    y = torch.as_tensor(y, device=device)
    if y.dtype != torch.int64 or y.shape not in ((), (batch,)):
        raise ValueError(f"y must be int64 of shape ({batch},), got {y.dtype} {tuple(y.shape)}")
    return y.expand(batch)

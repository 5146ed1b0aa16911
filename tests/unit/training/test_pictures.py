"""Warped training images and sheets of samples."""

import math

import numpy as np
import pytest
import torch

from minidiff.base.pictures import contact_sheet, save_sheet
from minidiff.base.rng import BatchSlice, randn
from minidiff.data.augment import warp

STILL = {"shift": 0.0, "turn": 0.0, "scale": 0.0, "bend": 0.0}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """A smooth, lopsided picture, known at every point and not only at pixels."""
    return 2 * torch.exp(-((u - 0.2) ** 2 + 2 * (v + 0.1) ** 2) / 0.18) - 1


def centres(pixels: int) -> torch.Tensor:
    """Coordinates of pixel centres when the picture spans [-1, 1]."""
    return (torch.arange(pixels) + 0.5) * 2 / pixels - 1


def test_no_amount_changes_nothing():
    x = torch.rand(3, 2, 8, 8, generator=generator()) * 2 - 1
    torch.testing.assert_close(warp(x, **STILL, generator=generator()), x, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "amount", [{"shift": 2.0}, {"turn": 30.0}, {"scale": 0.2}, {"shift": 1.0, "turn": 20.0}]
)
def test_is_the_affine_map_it_says(amount):
    """Against the map applied to a picture that is known in closed form."""
    n, pixels = 4, 64
    v, u = torch.meshgrid(centres(pixels), centres(pixels), indexing="ij")
    x = blob(u, v).expand(n, 1, pixels, pixels)
    given = {**STILL, **amount}
    warped = warp(x, **given, generator=generator(5))

    z = randn((n, 4), generator(5))
    for i in range(n):
        angle, size = math.radians(given["turn"]) * z[i, 0], torch.exp(given["scale"] * z[i, 1])
        shift = given["shift"] * z[i, 2:] * 2 / pixels
        u_from = size * (angle.cos() * u - angle.sin() * v) + shift[0]
        v_from = size * (angle.sin() * u + angle.cos() * v) + shift[1]
        inside = (u_from.abs() < 0.95) & (v_from.abs() < 0.95)
        assert inside.float().mean() > 0.4
        error = (warped[i, 0] - blob(u_from, v_from))[inside].abs().max()
        assert error < 0.02  # of a range of 2: torch's cubic kernel bends straight lines a little


def test_bending_moves_each_place_its_own_way():
    x = centres(32).expand(1, 1, 32, 32)  # brightness tells where a pixel came from
    moved = (warp(x, **{**STILL, "bend": 1.0}, generator=generator(1)) - x)[0, 0, 4:-4, 4:-4] * 16
    assert 0.2 < moved.std() < 3  # pixels
    assert (moved[1:] - moved[:-1]).abs().max() < 0.5  # smooth


def test_stays_in_range_and_is_seeded():
    x = torch.rand(16, 1, 16, 16, generator=generator()).round() * 2 - 1
    state = torch.get_rng_state()
    first = warp(x, generator=generator(3))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.abs().max() <= 1
    assert torch.equal(first, warp(x, generator=generator(3)))
    assert not torch.equal(first, warp(x, generator=generator(4)))
    assert (first - x).abs().mean() > 0.05


def test_processes_warp_their_rows_alike():
    x = torch.rand(8, 1, 16, 16, generator=generator())
    whole = warp(x, generator=generator(3))
    part = warp(x[4:], generator=BatchSlice(generator(3), start=4, total=8))
    torch.testing.assert_close(part, whole[4:], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("x", "change", "kind", "message"),
    [
        (torch.zeros(2, 1, 8, 8).byte(), {}, TypeError, "x must hold floating"),
        (torch.zeros(2, 8, 8), {}, ValueError, r"x must be images \(B, C, H, W\)"),
        (torch.zeros(2, 1, 8, 8), {"turn": -1}, ValueError, "turn must"),
        (torch.zeros(2, 1, 8, 8), {"bend": math.inf}, ValueError, "bend must"),
    ],
)
def test_warp_refuses(x, change, kind, message):
    with pytest.raises(kind, match=message):
        warp(x, **change)


def test_sheet_lays_out_rows():
    x = torch.linspace(-1, 1, 5).reshape(5, 1, 1, 1).expand(5, 1, 2, 3)
    sheet = contact_sheet(x, 3, gap=1)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (2 * 3 + 1, 3 * 4 + 1, 3)
    greys = [round((value + 1) * 127.5) for value in torch.linspace(-1, 1, 5).tolist()]
    for i, grey in enumerate(greys):
        top, left = 1 + 3 * (i // 3), 1 + 4 * (i % 3)
        assert (sheet[top : top + 2, left : left + 3] == grey).all()
    assert (sheet[0] == 255).all()
    assert (sheet[4:6, 9:12] == 255).all()  # the place of a sixth image stays white


def test_sheet_in_colour_and_enlarged():
    x = torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1)
    sheet = contact_sheet(x, gap=0, zoom=4)
    assert sheet.shape == (4, 4, 3)
    assert (sheet == np.array([0, 128, 255])).all()


def test_sheet_cuts_what_lies_outside():
    sheet = contact_sheet(torch.tensor([-3.0, 3.0]).reshape(2, 1, 1, 1), 2, gap=0)
    assert sheet[0, :, 0].tolist() == [0, 255]


def test_saved_sheet_is_the_sheet(tmp_path):
    from matplotlib.image import imread

    x = torch.rand(7, 1, 4, 4, generator=generator()) * 2 - 1
    path = save_sheet(tmp_path / "new" / "sheet.png", x, 3, zoom=2)
    read = np.round(imread(path)[..., :3] * 255).astype(np.uint8)
    assert (read == contact_sheet(x, 3, zoom=2)).all()
    assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]


@pytest.mark.parametrize(
    ("images", "change", "message"),
    [
        (torch.zeros(2, 2, 4, 4), {}, r"images must be \(N, 1 or 3, H, W\)"),
        (torch.zeros(4, 4), {}, "images must be"),
        (torch.zeros(2, 1, 4, 4), {"columns": 0}, "columns must"),
        (torch.zeros(2, 1, 4, 4), {"zoom": 0}, "zoom must"),
    ],
)
def test_sheet_refuses(images, change, message):
    with pytest.raises(ValueError, match=message):
        contact_sheet(images, **change)

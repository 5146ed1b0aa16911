"""A folder of one's own pictures: what is read, how, and what is said of the rest."""

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from bad_input import refused
from PIL import Image

import minidiff as md
from minidiff.__main__ import main
from minidiff.data import folder, pictures
from minidiff.data.pictures import GROUNDS

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "pictures"
    made.mkdir()
    return made


def halves(left, right, size=(16, 16)) -> Image.Image:
    """A picture whose left half has one colour and whose right half another."""
    made = Image.new("RGB", size, left)
    made.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return made


def only(root: Path, size=8, **options):
    """The pixels of the one picture in a folder, (C, size, size)."""
    (pixels,) = folder(root, size, **options).pixels
    return pixels


def corners(pixels) -> list[tuple[int, ...]]:
    """The colours of the four corners: upper left, upper right, lower left, lower right."""
    return [tuple(pixels[:, y, x].tolist()) for y in (0, -1) for x in (0, -1)]


# ---- one file --------------------------------------------------------------------------------------


def test_colours_and_range(root):
    halves(RED, BLUE).save(root / "a.png")
    assert corners(only(root)) == [RED, BLUE, RED, BLUE]
    (x_0,) = [folder(root, 8)[0]]
    assert x_0.dtype == torch.float32
    assert x_0.shape == (3, 8, 8)
    assert (float(x_0.min()), float(x_0.max())) == (-1, 1)


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "webp", "gif", "bmp", "tiff", "png"])
def test_common_formats(root, ending):
    Image.new("RGB", (16, 16), (200, 100, 50)).save(root / f"a.{ending}")
    assert (only(root).double().mean((1, 2)) - torch.tensor([200.0, 100, 50])).abs().max() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_says(root, orientation):
    """A camera that stores its sensor's rows as they are, and says how it was held."""
    upright = Image.new("RGB", (16, 16))
    for box, colour in (((0, 0), RED), ((8, 0), GREEN), ((0, 8), BLUE), ((8, 8), (255, 255, 255))):
        upright.paste(colour, (*box, box[0] + 8, box[1] + 8))
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(back[orientation]) if orientation in back else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(root / "a.png", exif=exif)
    assert corners(only(root)) == [RED, GREEN, BLUE, (255, 255, 255)]


def test_not_square_is_cropped_in_the_middle_or_padded_with_the_ground(root):
    wide = Image.new("RGB", (48, 16), RED)
    wide.paste(GREEN, (16, 0, 32, 16))
    wide.save(root / "a.png")
    assert corners(only(root)) == [GREEN] * 4
    padded = only(root, 24, crop=False, ground="grey")
    assert corners(padded) == [(128, 128, 128)] * 4
    assert tuple(padded[:, 12, 0].tolist()) == RED
    assert tuple(padded[:, 12, 12].tolist()) == GREEN


@pytest.mark.parametrize(
    ("ground", "wanted"), [("white", (255,) * 3), ("black", (0,) * 3), ([0, 20, 255], (0, 20, 255))]
)
@pytest.mark.parametrize("kind", ["RGBA", "LA", "a palette", "a colour of an RGB file"])
def test_transparent_pictures_lie_on_the_ground(root, kind, ground, wanted):
    made = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    if kind == "LA":
        made = made.convert("LA")
    elif kind == "a palette":
        made = Image.new("P", (16, 16), 1)
        made.putpalette([0, 0, 0, 255, 0, 0])
    elif kind == "a colour of an RGB file":
        made = Image.new("RGB", (16, 16), RED)
    transparent = {"a palette": 1, "a colour of an RGB file": RED}.get(kind)
    made.save(root / "a.png", **({} if transparent is None else {"transparency": transparent}))
    assert corners(only(root, ground=ground, channels=3)) == [wanted] * 4


def test_grounds_are_colours_of_8_bits():
    assert GROUNDS["white"] == (255, 255, 255)
    assert GROUNDS["black"] == (0, 0, 0)
    assert len({*GROUNDS["grey"]}) == 1


def test_half_transparent_pixels_are_mixed(root):
    Image.new("RGBA", (16, 16), (255, 0, 0, 51)).save(root / "a.png")  # a fifth
    assert corners(only(root, ground="white"))[0] == (255, 204, 204)


def png_of_16_bits(path: Path, values: np.ndarray) -> None:
    """A grey PNG of 16 bits a pixel, written by the format's own rules."""
    high, wide = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", wide, high, 16, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def test_16_bits_are_divided_and_not_cut(root):
    png_of_16_bits(root / "a.png", np.repeat([[0, 25700, 51400, 65535]], 4, 0))
    assert only(root, 4)[0, 0].tolist() == [0, 100, 200, 255]


def test_16_bits_go_to_the_nearest_of_8(root):
    """257 of their steps are one of ours: the middle between two lies at 128.5."""
    values = np.array([[0, 128, 129, 385, 386, 65406, 65407, 65535]])
    png_of_16_bits(root / "a.png", np.repeat(values, 8, 0))
    assert only(root, 8)[0, 0].tolist() == [0, 0, 1, 1, 2, 254, 255, 255]


def test_grey_files_have_one_channel_and_one_coloured_file_makes_all_coloured(root):
    Image.new("L", (8, 8), 70).save(root / "a.png")
    Image.new("1", (8, 8), 1).save(root / "b.png")
    greyish = Image.new("P", (8, 8), 0)
    greyish.putpalette([90, 90, 90])
    greyish.save(root / "c.png")
    grey = folder(root, 8)
    assert grey.pixels[:, :, 0, 0].tolist() == [[70], [255], [90]]
    assert folder(root, 8, channels=3).pixels[0, :, 0, 0].tolist() == [70] * 3
    halves(RED, RED).save(root / "d.png")
    assert folder(root, 8).pixels.shape == (4, 3, 8, 8)
    assert folder(root, 8, channels=1).pixels[3, 0, 0, 0] == round(0.299 * 255)


def test_print_colours_and_films(root):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(root / "print.jpg")
    first, second = Image.new("RGB", (8, 8), BLUE), Image.new("RGB", (8, 8), GREEN)
    first.save(root / "zfilm.gif", save_all=True, append_images=[second])
    print_, film = folder(root, 8).pixels[:, :, 4, 4].tolist()
    assert print_[0] > 200
    assert max(print_[1:]) < 60
    assert film == list(BLUE)


def test_shrinking_is_smooth(root):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(root / "a.png")
    assert (only(root, 16)[:, :, 1:-1].double() - 127.5).abs().max() < 2


# ---- the folder ------------------------------------------------------------------------------------


def put(path: Path, colour=RED) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)


def test_folders_are_classes_and_what_lies_outside_has_none(root):
    for name in ("dog/1.png", "cat/1.png", "cat/kittens/young/2.png", "outside.png"):
        put(root / name)
    found = folder(root, 8)
    assert found.classes == ("cat", "dog")
    assert dict(zip(found.files, found.labels.tolist(), strict=True)) == {
        "cat/1.png": 0,
        "cat/kittens/young/2.png": 0,
        "dog/1.png": 1,
        "outside.png": 2,  # the null label
    }
    assert "in 2 classes: cat 2, dog 1; 1 outside them" in found.summary()
    x_0, y = found[2]
    assert (x_0.shape, int(y)) == ((3, 8, 8), 1)


def test_a_single_folder_is_no_class(root):
    put(root / "all of them" / "1.png")
    assert folder(root, 8).labels is None
    assert folder(root, 8)[0].shape == (3, 8, 8)


def odd_files(root: Path) -> None:
    """Six kinds of files that are broken, and some that are no pictures."""
    put(root / "good.png")
    put(root / "also good.jpg", BLUE)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(root / "whole.jpg", quality=95)
    content = (root / "whole.jpg").read_bytes()
    (root / "cut short.jpg").write_bytes(content[: len(content) // 2])
    (root / "empty.png").write_bytes(b"")
    (root / "text.png").write_text("no picture")
    (root / "damaged.png").write_bytes((root / "good.png").read_bytes()[:40])
    (root / "a page.gif").write_text("<html></html>")
    Image.fromarray(np.ones((4, 4), np.float32)).save(root / "floats.tiff")
    (root / "notes.txt").write_text("no picture")
    (root / ".hidden.png").write_bytes(b"")
    (root / ".thumbnails").mkdir()
    (root / ".thumbnails" / "x.png").write_bytes(b"")


def test_what_cannot_be_read_is_named_counted_and_stops_nobody(root):
    odd_files(root)
    found = folder(root, 8)
    assert found.files == ["also good.jpg", "good.png", "whole.jpg"]
    broken = {"a page.gif", "cut short.jpg", "damaged.png", "empty.png", "floats.tiff", "text.png"}
    assert {*found.unreadable} == broken
    assert "floats" in found.unreadable["floats.tiff"]
    assert not any(str(root) in why for why in found.unreadable.values())
    assert found.others == 1
    said = found.summary()
    assert said.startswith("3 pictures of 8×8 pixels, colour\n6 could not be read:\n  a page.gif: ")
    assert "  and 1 more: see .unreadable" in said
    assert said.endswith("1 other files are no pictures")
    assert repr(found) == said


# ---- what is kept ----------------------------------------------------------------------------------


def test_pictures_are_decoded_once(root, monkeypatch, tmp_path):
    put(root / "a/1.png")
    put(root / "b/1.png", BLUE)
    (root / "b" / "2.png").write_bytes(b"")
    first = folder(root, 8)
    monkeypatch.setattr(pictures, "decoded", lambda *a, **o: pytest.fail("decoded again"))
    again = folder(root, 8)
    assert torch.equal(again.pixels, first.pixels)
    assert again.labels.tolist() == first.labels.tolist() == [0, 1]
    assert again.summary() == first.summary()
    assert again.described() == first.described()


@pytest.mark.parametrize("change", ["a file more", "a file less", "another content", "a setting"])
def test_a_change_is_noticed(root, change):
    put(root / "1.png")
    put(root / "2.png")
    folder(root, 8)
    options = {}
    if change == "a file more":
        put(root / "3.png")
    elif change == "a file less":
        (root / "2.png").unlink()
    elif change == "another content":
        put(root / "2.png", BLUE)
        os.utime(root / "2.png", (1, 1))
    else:
        options = {"channels": 1}
    got = folder(root, 8, **options)
    wanted = folder(root, 8, keep=False, **options)
    assert torch.equal(got.pixels, wanted.pixels)
    assert got.files == wanted.files


def test_a_damaged_cache_is_read_anew_and_one_that_cannot_be_written_costs_only_time(
    root, tmp_path, monkeypatch
):
    put(root / "1.png")
    wanted = folder(root, 8)
    (file,) = (tmp_path / "cache" / "minidiff" / "pictures").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert torch.equal(folder(root, 8).pixels, wanted.pixels)

    def no_room(path, content):
        raise OSError("no space left")

    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(pictures, "write_atomically", no_room)
    assert torch.equal(folder(root, 8).pixels, wanted.pixels)


# ---- errors ----------------------------------------------------------------------------------------


def test_what_is_no_folder_of_pictures_is_refused(root, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"")
    (root / "x.png").write_text("no picture")
    (tmp_path / "none").mkdir()
    rows = [
        (
            lambda: folder(tmp_path / "nowhere"),
            ValueError,
            ("path must be a folder", "is not there"),
        ),
        (lambda: folder(tmp_path / "a.zip"), ValueError, ("path must be a folder", "is a file")),
        (lambda: folder(3), ValueError, ("path must be a folder", "3 (int)")),
        (
            lambda: folder(tmp_path / "none"),
            ValueError,
            ("no pictures to learn from", "holds none"),
        ),
        (lambda: folder(root), ValueError, ("none of its 1 pictures can be read", "x.png")),
        (lambda: folder(root, 0), ValueError, ("size must be at least 1",)),
        (lambda: folder(root, channels=4), ValueError, ("channels must be 1 (grey) or 3", "4")),
        (
            lambda: folder(root, ground="pink"),
            ValueError,
            ("ground must be one of white", "'pink'"),
        ),
        (lambda: folder(root, ground=(1, 2)), ValueError, ("three values 0..255", "(1, 2)")),
        (lambda: folder(root, ground=(1, 2, 256)), ValueError, ("three values 0..255",)),
    ]
    for call, kind, words in rows:
        refused(call, kind, words)


# ---- training --------------------------------------------------------------------------------------


def trained(data, net=None, **options):
    net = net or md.TinyUNet(3, 2, width=4, multipliers=(1,), blocks=1)
    given = {"schedule": md.linear_schedule(20, 0.01, 0.3), "steps": 3, "batch": 8}
    return md.train(net, data, device="cpu", progress=False, **given, **options)


def two_classes(root: Path) -> None:
    for i in range(3):
        put(root / "cat" / f"{i}.png", (10 * i, 200, 50))
        put(root / "dog" / f"{i}.png", (200, 50, 10 * i))


def test_pictures_train_as_the_same_tensors_would(root):
    two_classes(root)
    found = folder(root, 8)
    everything = found.batch(range(len(found)))
    ours, theirs = trained(found), trained((everything["x_0"], everything["y"]))
    assert ours.losses == theirs.losses


def test_a_loader_is_taken_for_its_data_and_one_with_its_own_batches_refused(root):
    two_classes(root)
    found = folder(root, 8)
    loader = torch.utils.data.DataLoader(found, batch_size=2, shuffle=True)
    assert trained(loader).losses == trained(found).losses
    odd = torch.utils.data.DataLoader(found, collate_fn=lambda items: items)
    refused(lambda: trained(odd), ValueError, ("collate_fn of its own", "draw(n, generator)"))


def test_a_run_goes_on_only_with_the_same_pictures(root, tmp_path):
    two_classes(root)
    trained(folder(root, 8), out=tmp_path / "run")
    put(root / "dog" / "9.png")
    with pytest.raises(ValueError, match="data: pictures 6×3×8×8, SHA-256"):
        trained(folder(root, 8), out=tmp_path / "run")


def test_from_a_folder_to_a_film_by_the_command_line(root, tmp_path, capsys, monkeypatch):
    two_classes(root)
    odd_files(root / "dog")
    run = str(tmp_path / "mine")
    train = ["train", str(root), "--size", "8", "--steps", "2", "--batch", "4", "--out", run]
    assert main(train) == 0
    said = capsys.readouterr().out
    assert "9 pictures of 8×8 pixels, colour, in 2 classes: cat 3, dog 6" in said
    assert "6 could not be read" in said
    assert f"python -m minidiff sample {run}" in said
    film = tmp_path / "mine.gif"
    sample = ["sample", run, "--n", "4", "--steps", "3", "--out", str(film)]
    assert main([*sample, "--label", "dog"]) == 0
    assert film.read_bytes()[:4] == b"GIF8"
    assert main([*sample, "--label", "horse"]) == 1
    assert "--label must be one of cat, dog, or none; got horse" in capsys.readouterr().err
    assert main(["train", str(root), "--size", "9", "--out", str(tmp_path / "odd")]) == 1
    assert "size must be a multiple of 4" in capsys.readouterr().err
    assert not (tmp_path / "odd").exists()


def test_the_run_of_a_folder_does_not_land_among_the_pictures(root, tmp_path, monkeypatch):
    two_classes(root)
    monkeypatch.chdir(tmp_path)
    assert main(["train", str(root), "--size", "8", "--steps", "1", "--batch", "2"]) == 0
    assert (tmp_path / "runs" / "pictures" / "checkpoint.pt").is_file()
    assert sorted(p.name for p in root.iterdir()) == ["cat", "dog"]

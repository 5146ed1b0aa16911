"""The drawings of OpenMoji: what is in the file, how it was chosen, and that a damaged one is named."""

import hashlib
import re
import shutil
from collections import Counter

import make_emoji
import numpy as np
import pytest
import torch

import minidiff as md
from minidiff.data import drawings

TRAIN, HELDOUT = md.data.emoji("train", 64), md.data.emoji("heldout", 64)


def test_there_are_two_thousand_a_tenth_of_them_held_out():
    assert len(TRAIN) == 1823
    assert len(HELDOUT) == 230
    for part in (TRAIN, HELDOUT):
        assert part.images.shape == (len(part), 3, 64, 64)
        assert part.lines.shape == (len(part), 1, 64, 64)
        assert part.images.dtype == part.lines.dtype == torch.float32
        assert part.images.aminmax() == part.lines.aminmax() == (-1, 1)
        said = (part.captions, part.tags, part.groups, part.bases)
        assert [len(each) for each in said] == [len(part)] * 4
        assert all(caption == caption.strip() != "" for caption in part.captions)
        assert {"flags", "component"}.isdisjoint(part.groups)


def test_no_base_is_in_both_parts():
    assert not set(TRAIN.bases) & set(HELDOUT.bases)
    share = len(set(HELDOUT.bases)) / len(set(TRAIN.bases) | set(HELDOUT.bases))
    assert share == pytest.approx(0.1, abs=0.025)
    by_caption = dict(
        zip(TRAIN.captions + HELDOUT.captions, TRAIN.bases + HELDOUT.bases, strict=True)
    )
    assert by_caption["man judge"] == by_caption["woman judge"] == by_caption["judge"]
    assert by_caption["blue heart"] == by_caption["red heart"]
    assert by_caption["tiger"] != by_caption["lion"]


def test_no_line_drawing_of_one_part_is_all_but_one_of_the_other():
    lines = torch.cat([TRAIN.lines, HELDOUT.lines])[:, 0].add(1).mul(127.5).round().byte().numpy()
    crossing = [(i, j) for i, j in make_emoji.same_look(lines) if i < len(TRAIN) <= j]
    assert not crossing


def test_lines_lie_where_the_colour_drawing_has_its_outline():
    """Where a line is black, the drawing is dark, but for a few that are drawn in white on dark."""
    black = TRAIN.lines[:, 0] < -0.9
    dark = TRAIN.images.amax(1) < -0.5
    share = (black & dark).flatten(1).sum(1) / black.flatten(1).sum(1).clamp(min=1)
    assert share.median() > 0.95


def test_most_are_on_white():
    corners = TRAIN.images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 1).all(1).all(1).float().mean() > 0.98


@pytest.mark.parametrize("size", [32, 16])
def test_smaller_ones_are_rounded_averages_of_blocks(size):
    part, block = md.data.emoji("heldout", size), 64 // size
    pixels = HELDOUT.images.add(1).mul(127.5).round().double()
    mean = pixels.reshape(-1, 3, size, block, size, block).mean((3, 5))
    assert (part.images.add(1).mul(127.5).double() - mean.round()).abs().max() < 1e-3
    assert part.captions == HELDOUT.captions


@pytest.mark.parametrize("wrong", [{"split": "test"}, {"size": 48}, {"size": 0}])
def test_what_cannot_be_is_refused(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        md.data.emoji(**wrong)


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    copy = tmp_path / "emoji.npz"
    shutil.copy(drawings.BUNDLED, copy)
    shutil.copy(drawings.BUNDLED.with_suffix(".sha256"), tmp_path)
    monkeypatch.setattr(drawings, "BUNDLED", copy)
    assert len(md.data.emoji("heldout")) == 230
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    told = rf"{re.escape(str(copy))} is damaged.*tools/make_emoji.py makes the file"
    with pytest.raises(ValueError, match=told):
        md.data.emoji()


def test_checksum_and_licence_lie_beside_it():
    digest, name = drawings.BUNDLED.with_suffix(".sha256").read_text().split()
    assert (digest, name) == (
        hashlib.sha256(drawings.BUNDLED.read_bytes()).hexdigest(),
        "emoji.npz",
    )
    text = drawings.BUNDLED.with_name("EMOJI_LICENSE.md").read_text(encoding="utf-8")
    for word in ("CC BY-SA 4.0", "OpenMoji", f"{len(TRAIN) + len(HELDOUT):,} drawings"):
        assert word in text


# ---- how they are chosen --------------------------------------------------------------------------


def row(caption, **more):
    return {"annotation": caption, "tags": "", "openmoji_tags": "", **more}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("man judge", "woman judge"),
        ("person running: facing right", "woman running"),
        ("red heart", "light blue heart"),
        ("three o’clock", "nine-thirty"),
        ("keycap: 3", "keycap: 10"),
    ],
)
def test_variants_have_one_stem(one, other):
    assert make_emoji.stem(row(one)) == make_emoji.stem(row(other))


@pytest.mark.parametrize("caption", ["tiger", "man", "red circle", "0"])
def test_a_stem_is_never_empty(caption):
    assert make_emoji.stem(row(caption))


def test_ties_are_followed_to_the_end():
    assert make_emoji.united([(1, 2), (4, 5), (2, 4)], 6) == [0, 1, 1, 3, 1, 1]


def test_drawings_that_hardly_differ_are_found_turned_round_too():
    generator = np.random.default_rng(0)
    blots = (
        np.repeat(np.repeat(generator.integers(0, 2, (3, 16, 16)), 4, 1), 4, 2).astype(np.uint8)
        * 255
    )
    nearly = blots[0].copy()
    nearly[:4, :4] = 255 - nearly[:4, :4]
    pictures = np.stack([*blots, nearly, blots[1][:, ::-1]])
    assert sorted(make_emoji.same_look(pictures)) == [(0, 3), (1, 4)]


def test_tags_are_told_once_and_without_the_caption():
    told = row("tiger", tags="animal, big, tiger", openmoji_tags="cat, animal")
    assert make_emoji.tags(told) == ["animal", "big", "cat"]


def test_held_out_is_a_matter_of_the_name_alone():
    shares = Counter(make_emoji.is_heldout(f"thing {i}") for i in range(4000))
    assert shares[True] / 4000 == pytest.approx(make_emoji.HELDOUT, abs=0.02)

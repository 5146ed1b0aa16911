"""Captioned digits: each picture shows what its caption says, and what is kept apart is in no other."""

import pytest
import torch

import minidiff as md
from minidiff.data.captioned import COLOURS, GROUNDS, PLACES, SIDE, WORDS, Scene, drawn

SEEN, HELDOUT = md.data.scenes("seen"), md.data.scenes("heldout")


def bytes_of(images):
    return images.add(1).mul(127.5).round()


def centre(picture, more, less):
    """Middle (row, column) of the pixels with more of one channel than of another; grounds have as much."""
    return (picture[more] - picture[less] > 40).nonzero().float().mean(0)


def test_every_scene_is_in_one_of_the_two_parts():
    assert len(SEEN) + len(HELDOUT) == len(md.data.scenes()) == 60 + 60 * 60 * 4
    assert set(SEEN) | set(HELDOUT) == set(md.data.scenes())
    assert not set(SEEN) & set(HELDOUT)
    assert len({scene.caption for scene in md.data.scenes()}) == len(md.data.scenes())


def test_what_is_kept_apart_can_be_learned_piece_by_piece():
    """Each digit, each colour and each place is seen; one colour of a digit and one order of two is not."""
    things = {thing for scene in SEEN for thing in scene.things}
    assert {colour for colour, _ in things} == set(COLOURS)
    for digit in range(10):
        missing = [c for c in COLOURS if (c, digit) not in things]
        assert len(missing) == 1
        assert Scene(((missing[0], digit),)) in HELDOUT
    orders = {tuple(d for _, d in s.things) for s in SEEN if s.place}
    unseen = {(a, b) for a in range(10) for b in range(10)} - orders
    assert unseen == {(a, (a + 3) % 10) for a in range(10)}
    assert all((b, a) in orders for a, b in unseen)
    assert {s.place for s in SEEN} == {*PLACES, None}


def test_captions_are_sentences_of_the_grammar():
    assert Scene((("red", 3),)).caption == "a red three"
    two = Scene((("green", 7), ("blue", 1)), "left of")
    assert two.caption == "a green seven left of a blue one"


@pytest.mark.parametrize("place", PLACES)
def test_the_first_stands_where_the_caption_says(place):
    wanted = tuple(Scene((("red", d), ("blue", 8)), place) for d in range(10))
    for picture in bytes_of(drawn(wanted, generator=md.seeded(1))):
        first, second = centre(picture, 0, 2), centre(picture, 2, 0)  # red and blue
        down, right = (first - second).tolist()
        along = {"left of": -right, "right of": right, "above": -down, "below": down}[place]
        across = down if place in ("left of", "right of") else right
        assert along > 10
        assert abs(across) < along


@pytest.mark.parametrize("place", PLACES)
def test_across_both_are_moved_a_little(place):
    pictures = bytes_of(
        drawn((Scene((("red", 0), ("blue", 0)), place),) * 60, generator=md.seeded(1))
    )
    across = 0 if place in ("left of", "right of") else 1
    for channels in ((0, 2), (2, 0)):
        where = torch.stack([centre(picture, *channels) for picture in pictures])[:, across]
        assert where.min() == pytest.approx(SIDE / 2 - 4.5, abs=1)
        assert where.max() == pytest.approx(SIDE / 2 + 3.5, abs=1)


@pytest.mark.parametrize("split", md.data.SPLITS)
def test_shapes_are_those_of_the_split(split):
    """Each is one of that part of the bundled digits, pixel by pixel."""
    pictures = bytes_of(drawn((Scene((("blue", 5),)),) * 20, split, md.seeded(7)))
    known, labels = md.data.digits(split, 24)
    known = known[labels == 5].add(1).div(2)
    for picture in pictures:
        ground, ink = picture[0, 0, 0], COLOURS["blue"][0]
        covered = (picture[0] - ground) / (ink - ground)
        away = [
            (covered[top : top + 24, left : left + 24] - known[:, 0]).abs().amax((1, 2)).min()
            for top in range(9)
            for left in range(9)
        ]
        assert min(away) < 0.5 / abs(ink - ground) + 1e-3


@pytest.mark.parametrize("colour", COLOURS)
def test_a_digit_has_the_colour_that_was_asked_for_and_the_ground_is_plain(colour):
    pictures = bytes_of(drawn((Scene(((colour, 0),)),) * 30, generator=md.seeded(2)))
    for picture in pictures:
        ground = picture[:, 0, 0]
        assert tuple(ground.int().tolist()) in GROUNDS
        ink = torch.tensor(COLOURS[colour]).float()
        # Every pixel lies on the line from the ground to the ink.
        covered = (picture - ground[:, None, None]) / (ink - ground)[:, None, None]
        far = (ink - ground).abs() > 60
        assert (covered[far].amax(0) - covered[far].amin(0)).max() < 0.03
        assert covered[far].amax() > 0.9
    assert len({tuple(p[:, 0, 0].tolist()) for p in pictures}) == len(GROUNDS)


def test_a_reader_of_digits_reads_what_the_caption_says():
    """The shapes are those of the split: real digits, read by the network that ships."""
    reader, _ = md.load("digit_classifier16")
    for split in md.data.SPLITS:
        made = md.data.captioned_digits(300, split, "all", md.seeded(3))
        right, count = 0, 0
        for picture, scene in zip(bytes_of(made.images), made.scenes, strict=True):
            if scene.place is not None:
                continue
            covered = (picture - picture[:, :1, :1]).abs().sum(0)
            shape = (2 * covered / covered.max() - 1)[None, None, 2:30, 2:30]
            guess = int(reader(md.data.images.resized(shape, 16)).argmax())
            right, count = right + (guess == scene.things[0][1]), count + 1
        assert count > 100
        assert right / count > 0.9


def test_the_generator_decides_and_half_show_two():
    first, again = (md.data.captioned_digits(400, generator=md.seeded(4)) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert first.scenes == again.scenes
    assert first.captions == tuple(scene.caption for scene in first.scenes)
    assert len(first) == 400
    assert 150 < sum(scene.place is not None for scene in first.scenes) < 250
    assert first.images.shape == (400, 3, SIDE, SIDE)
    assert first.images.dtype == torch.float32
    assert first.images.abs().max() <= 1
    other = md.data.captioned_digits(400, generator=md.seeded(5))
    assert other.scenes != first.scenes


@pytest.mark.parametrize(("combinations", "part"), [("seen", SEEN), ("heldout", HELDOUT)])
def test_combinations_are_kept(combinations, part):
    made = md.data.captioned_digits(500, combinations=combinations, generator=md.seeded(6))
    assert set(made.scenes) <= set(part)
    words = {word for caption in made.captions for word in caption.split()}
    assert words == {"a", *COLOURS, *WORDS, "left", "right", "of", "above", "below"}


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"n": 0}, "n must be"),
        ({"split": "test"}, "split must be one of 'train', 'heldout'"),
        ({"combinations": "unseen"}, "combinations must be one of 'seen', 'heldout', 'all'"),
    ],
)
def test_what_cannot_be_is_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        md.data.captioned_digits(**{"n": 3, **wrong})

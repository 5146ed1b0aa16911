"""Each kind of data gives the batches it should, and what is wrong with it is said."""

import functools
import math

import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset

import minidiff as md
from minidiff.base.rng import BatchSlice, randint, randn
from minidiff.training.batches import Items, OnTheFly, Tensors, read_data
from minidiff.training.preview import preview_conditions

SCHEDULE = md.linear_schedule()
X = torch.linspace(-1, 1, 128).reshape(64, 2)
Y = torch.arange(64) % 3
TEXT = torch.arange(64 * 4).reshape(64, 4)
CPU = torch.device("cpu")


def net(classes: int | None = 3) -> md.MLP:
    return md.MLP(2, classes, width=16, depth=1)


class Pairs(Dataset):
    """Items as torchvision's data sets have them: data, and a number."""

    def __len__(self):
        return 64

    def __getitem__(self, i):
        return X[i], i % 3


class Dicts(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, i):
        return {"x_0": X[i], "text": TEXT[i], "y": i % 3}


class Varied(Dataset):
    """Each item is varied by chance, by torch's own generator."""

    def __len__(self):
        return 64

    def __getitem__(self, i):
        return X[i] + torch.rand(())


def made(n, generator):
    """Points on a line, and where on it they lie."""
    place = torch.rand(n, 1, generator=generator) * 2 - 1
    return {"x_0": place.expand(n, 2), "image": place}


def test_the_labels_of_a_wrapped_network_are_those_of_the_network():
    wrapped = torch.nn.DataParallel(net())
    assert isinstance(read_data((X, Y), wrapped), Tensors)
    with pytest.raises(IndexError, match=r"0\.\.2"):
        read_data((X, Y + 3), wrapped)


def drawn(data, count=8, network=None):
    return read_data(data, network or net()).draw(count, md.seeded(5), CPU)


ROWS = randint(0, 63, (8,), md.seeded(5))


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (X, {}),
        ((X, Y), {"y": Y}),
        ({"x_0": X}, {}),
        ({"x_0": X, "y": Y, "text": TEXT, "image": None}, {"y": Y, "text": TEXT}),
        (TensorDataset(X), {}),
        (TensorDataset(X, Y), {"y": Y}),
        (Pairs(), {"y": Y}),
        (Dicts(), {"text": TEXT, "y": Y}),
    ],
    ids=["tensor", "pair", "dict", "dict with more", "x_0 set", "pair set", "items", "dict items"],
)
def test_the_same_rows_whatever_they_lie_in(data, wanted):
    x_0, conditions = drawn(data)
    assert torch.equal(x_0, X[ROWS])
    assert conditions.keys() == wanted.keys()
    for name, values in wanted.items():
        assert torch.equal(conditions[name], values[ROWS])
        assert conditions[name].dtype == torch.int64


def test_examples_made_on_the_fly():
    x_0, conditions = drawn(made)
    wanted = made(8, md.seeded(5))
    assert torch.equal(x_0, wanted["x_0"])
    assert conditions.keys() == {"image"}
    assert torch.equal(conditions["image"], wanted["image"])


@pytest.mark.parametrize("data", [X, {"x_0": X, "text": TEXT}, Dicts(), made])
def test_processes_take_the_rows_of_one_batch(data):
    source = read_data(data, net())
    whole, conditions = source.draw(8, md.seeded(5), CPU)
    for start in (0, 4):
        part, told = source.draw(4, BatchSlice(md.seeded(5), start, 8), CPU)
        assert torch.equal(part, whole[start : start + 4])
        for name, values in conditions.items():
            assert torch.equal(told[name], values[start : start + 4])


def test_what_items_draw_themselves_is_decided_by_the_seed():
    def run(seed):
        torch.manual_seed(seed)  # which must not matter
        given = {"schedule": SCHEDULE, "steps": 3, "batch": 4, "progress": False, "device": "cpu"}
        return md.train(net(), Varied(), **given).losses

    assert run(1) == run(2)


def test_looking_at_data_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    read_data(Varied(), net())
    read_data(lambda n, generator: {"x_0": torch.rand(n, 2)}, net())
    assert torch.equal(torch.rand(3), wanted)


# ---- what the loss is told -------------------------------------------------------------------------


def heard(data, loss_of, network=None):
    """The conditions that a loss hears in one step."""
    seen = {}
    md.train(
        network or net(), data, loss_of(seen), schedule=SCHEDULE, steps=1, batch=4,
        progress=False, device="cpu",
    )  # fmt: skip
    return seen


def any_conditions(seen):
    def loss(network, x_0, schedule, *, generator=None, **conditions):
        seen.update(conditions)
        return md.simple_loss(network, x_0, schedule, generator=generator)

    return loss


def old_style(seen):
    def loss(network, x_0, schedule, y, generator):
        seen["y"] = y
        return md.simple_loss(network, x_0, schedule, generator=generator)

    return loss


def test_conditions_go_to_the_loss_by_name():
    seen = heard({"x_0": X, "y": Y, "text": TEXT}, any_conditions)
    assert {name: tuple(x.shape) for name, x in seen.items()} == {"y": (4,), "text": (4, 4)}
    assert heard(X, any_conditions) == {}


def test_a_loss_that_asks_for_labels_gets_them_or_none():
    assert heard(X, old_style) == {"y": None}
    assert heard((X, Y), old_style)["y"].shape == (4,)


def test_a_loss_that_takes_no_such_condition_is_named():
    def mine(network, x_0, schedule, *, generator=None):
        return x_0.sum()

    with pytest.raises(ValueError, match=r"condition 'text', but .*mine has no argument of that"):
        heard({"x_0": X, "text": TEXT}, lambda seen: mine)


class WithImage(md.nn.Denoiser):
    """Adds a picture that it is shown."""

    def __init__(self):
        super().__init__()
        self.channels = 1
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, x, t, image=None):
        return self.scale * (x if image is None else x + image)


def test_a_network_with_a_condition_of_its_own_trains_and_is_shown(tmp_path):
    """Its grid has a column for each of ten examples, drawn as the training draws."""
    pictures = torch.linspace(-1, 1, 32 * 16).reshape(32, 1, 4, 4)
    data = {"x_0": pictures, "image": -pictures}
    md.train(
        WithImage(), data, schedule=SCHEDULE, steps=2, batch=4, sample_every=2, out=tmp_path,
        progress=False, device="cpu",
    )  # fmt: skip
    assert (tmp_path / "samples" / "step_000002.png").exists()
    told = preview_conditions(WithImage(), read_data(data, WithImage()))
    rows = randint(0, 31, (10,), md.seeded(0))
    assert torch.equal(told["image"], torch.cat([-pictures[rows]] * 2))
    assert preview_conditions(net(), read_data((X, Y), net()))["y"].tolist() == 2 * (
        [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    )


# ---- what a run remembers of them ------------------------------------------------------------------


def test_data_are_described_by_what_they_hold():
    said = lambda data: read_data(data, net()).described()  # noqa: E731
    assert said((X, Y)) == said({"y": Y, "x_0": X})
    assert said(X).startswith("64×2 float32, SHA-256 ")
    assert len({said(X), said(X + 1), said((X, Y)), said({"x_0": X, "text": TEXT})}) == 4
    assert said({"x_0": X, "text": TEXT}) != said({"x_0": X, "text": TEXT + 1})
    assert said({"x_0": X, "text": TEXT}) != said({"x_0": X, "tags": TEXT})
    assert said(Pairs()) == "Pairs of 64 items, x_0 2 float32, y int64"
    assert said(functools.partial(made)) == "made by made(), x_0 2 float32, image 1 float32"


def test_data_move_to_the_device_once_if_they_are_small(monkeypatch):
    source = Tensors({"x_0": X, "text": TEXT}, net())
    source.move(torch.device("meta"))
    assert {x.device.type for x in source.tensors.values()} == {"meta"}
    monkeypatch.setattr("minidiff.training.batches.KEEP_ON_DEVICE", 100)
    source = Tensors(X, net())
    source.move(torch.device("meta"))
    assert source.tensors["x_0"].device.type == "cpu"


# ---- what is wrong ---------------------------------------------------------------------------------


class Numbered(Dataset):
    """A data set of the given items."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Endless(IterableDataset):
    def __iter__(self):
        yield X[0]


class EndlessButCounted(Endless):
    """Its length says how many it gives, but none can be asked for."""

    def __len__(self):
        return 64


class Uncounted(Dataset):
    def __getitem__(self, i):
        return X[i]


def gives(value):
    def draw(n, generator):
        return value

    return draw


WRONG = [
    ("a word", "digits", TypeError, "data must be a tensor x_0 or a pair"),
    ("an array", X.numpy(), TypeError, "got ndarray"),
    ("three", [X, X, X], TypeError, r"joined by torch\.cat"),
    ("no x_0", {"x": X, "y": Y}, ValueError, "data has no 'x_0', only 'x', 'y'"),
    ("taken", {"x_0": X, "schedule": X}, ValueError, "name 'schedule': .* none of net, schedule"),
    ("two words", {"x_0": X, "a b": X}, ValueError, "name 'a b'"),
    ("a number", {"x_0": X, 3: X}, ValueError, "the name 3"),
    ("integers", {"x_0": TEXT}, TypeError, r"data\['x_0'\] must hold floating-point"),
    ("NaN", {"x_0": X, "image": X * math.nan}, ValueError, r"data\['image'\] holds NaN"),
    ("words", {"x_0": X, "text": ["a"] * 64}, TypeError, r"data\['text'\] must be a tensor"),
    ("no row", {"x_0": X, "text": TEXT.sum()}, ValueError, r"must have 64 rows.*shape \(\)"),
    ("rows", {"x_0": X, "text": TEXT[:3]}, ValueError, r"data\['text'\] must have 64 rows"),
    ("labels", {"x_0": X, "y": Y + 3}, IndexError, r"data\['y'\] = 5 is outside 0\.\.2"),
    ("no items", Numbered(), ValueError, "data is empty: the Numbered has no items"),
    ("endless", Endless(), TypeError, "data is a Endless, of whose items none"),
    ("endless, counted", EndlessButCounted(), TypeError, "EndlessButCounted, of whose items none"),
    ("uncounted", Uncounted(), TypeError, "data is a Uncounted, of whose items none"),
    ("three an item", Numbered((X[0], 1, 2)), TypeError, r"data\[0\] must be a tensor x_0, a pair"),
    ("objects", Numbered(object()), TypeError, "an item of data is no tensor: .*transform"),
    ("8-bit items", Numbered(X[0].byte()), TypeError, r"data\[0\] must hold floating-point"),
    ("an item's label", Numbered((X[0], 7)), IndexError, r"data\[0\]\[1\] \(y\) = 7 is outside"),
    ("nothing made", gives(None), TypeError, r"draw\(2, generator\) must be a tensor x_0"),
    ("no x_0 made", gives({"y": Y}), ValueError, r"draw\(2, generator\) has no 'x_0'"),
    ("too many made", gives({"x_0": X}), ValueError, "must give 2 examples, got 64"),
]


@pytest.mark.parametrize(
    ("data", "kind", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_wrong_data_are_refused_before_the_training(data, kind, message):
    with pytest.raises(kind, match=message):
        read_data(data, net())


def test_items_of_other_shapes_are_named_when_they_meet():
    source = Items(Numbered(X[0], X[0, :1]), net())
    with pytest.raises(ValueError, match=r"items \[[01, ]+\] of data make no batch: .*one shape"):
        source.draw(16, md.seeded(0), CPU)


def test_a_function_is_held_to_what_it_promised():
    calls = []

    def tires(n, generator):
        calls.append(n)
        return {"x_0": randn((n if len(calls) < 3 else 1, 2), generator)}

    source = OnTheFly(tires, net())
    source.draw(4, md.seeded(0), CPU)
    with pytest.raises(ValueError, match=r"tires\(4, generator\) must give 4 examples, got 1"):
        source.draw(4, md.seeded(0), CPU)

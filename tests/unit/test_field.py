"""The benchmark beside peers: what it says of them is right, and needs none of them here."""

import itertools
import json

import pytest
import torch
from torch import nn

import minidiff as md
from benchmarks import field, field_own, field_peers, field_training
from minidiff.base.rng import seeded
from minidiff.recipes import RECIPES

SCHEDULE = md.linear_schedule(1000)
LOOKS = [(15.0, 9.0), (30.0, 4.0), (45.0, 5.0), (60.0, 3.0)]


class Recorder(nn.Module):
    """Stands in for a peer's network: notes how it is asked, and answers with the picture it is shown."""

    def __init__(self):
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Identity(), nn.Linear(1, 8))
        self.asked = []

    def forward(self, x, t, class_labels=None, cond=None, return_dict=True):
        self.asked.append({"x": x, "t": t, "class_labels": class_labels, "cond": cond})
        return x if return_dict else (x,)


@pytest.fixture
def batch():
    x = torch.randn(3, 1, 16, 16, generator=seeded(0))
    return x, torch.tensor([1, 500, 1000]), torch.tensor([0, 9, 3])


def row(name, library, looks, **more):
    tables = (field.SAME,)
    return field.Row(name, library, tables, seconds=60.0, images=6000, looks=looks, **more)


@pytest.mark.parametrize(
    ("target", "seconds"),
    [(9.0, 15.0), (8.9, 30.0), (4.0, 30.0), (3.9, 60.0), (2.9, None)],
)
def test_a_row_reaches_a_distance_at_the_first_look_that_is_as_good(target, seconds):
    assert field.seconds_to_reach(LOOKS, target) == seconds


def test_the_best_peer_is_judged_by_its_last_look_and_is_none_of_ours():
    rows = [
        row("minidiff", field.OURS, [(60.0, 1.0)]),
        row("a", "diffusers", [(30.0, 2.0), (60.0, 4.0)]),
        row("b", "lucidrains", [(30.0, 9.0), (60.0, 3.5)]),
        row("c", "smalldiffusion", [], missing="not installed"),
    ]
    best = field.best_peer(rows)
    assert best is not None
    assert best.name == "b"
    assert field.reached(rows) == {"minidiff": 60.0, "a": 30.0, "b": 60.0}
    assert field.best_peer(rows[:1]) is None
    assert field.reached(rows[:1]) == {"minidiff": None}


def test_a_table_says_what_was_measured_what_was_not_and_who_is_missing():
    plan = field_training.Plan(minutes=1.0, every=15.0, n=100, seed=0, documented=False)
    rows = [
        row("minidiff", field.OURS, LOOKS, weights=700337, precision="bf16", accuracy=0.5,
            accuracy_error=0.05, frechet=2.5, frechet_error=0.125, sample_seconds=7.25),
        row("lucidrains", "lucidrains", [(60.0, 4.5)], frechet=4.0, frechet_error=0.25),
        row("smalldiffusion", "smalldiffusion", [], missing="not installed (no such module)"),
    ]  # fmt: skip
    _, title, head, *lines, note = field.table(field.SAME, rows, plan).split("\n")
    assert title == "The same loop, 1 minutes each"
    assert "accuracy, w = 1" in head
    ours, theirs, gone = (" ".join(line.split()) for line in lines)
    assert ours == "minidiff 700,337 bf16 100 0.5000 ± 0.0500 2.500 ± 0.125 7.2 s 30 s"
    assert theirs == "lucidrains 0 100 – 4.000 ± 0.250 0.0 s 60 s"  # – : no label was meant
    assert gone == "smalldiffusion not installed (no such module)"
    assert "100 samples" in note
    assert "lucidrains, 4.500" in note
    assert len(head) == len(lines[0]) == len(lines[1])


def test_a_peer_that_is_not_installed_is_a_row_and_no_error(monkeypatch):
    monkeypatch.setattr(field_peers.Smalldiffusion, "module", "no_such_library")
    contestant = next(
        c for c in field.contestants(documented=False) if c.library == "smalldiffusion"
    )
    made = field.result(contestant, plan=None, judge=None)
    assert made.missing.startswith("not installed")
    assert "no_such_library" in made.missing
    assert "smalldiffusion==" in made.missing


def test_what_is_measured_lies_in_the_file(monkeypatch, tmp_path, capsys):
    def measured(contestant, plan, judge):
        return row(contestant.name, contestant.library, LOOKS)

    monkeypatch.setattr(field, "result", measured)
    monkeypatch.setattr(field_peers.Diffusers, "version", lambda self: "diffusers==0")
    path = tmp_path / "new" / "field.json"
    field.main(["--only", "diffusers", "minidiff", "--n", "100", "--out", str(path)])
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert {r["library"] for r in kept["rows"]} == {"diffusers", "minidiff"}
    assert kept["reached"][field.SAME]["minidiff"] == 60.0
    assert (kept["minutes"], kept["n"], kept["peers"]) == (2.5, 100, {"diffusers": "diffusers==0"})
    assert "real training digits" in capsys.readouterr().out


def test_each_row_has_a_place_and_our_defaults_stand_in_both_tables():
    rows = field.contestants(documented=False)
    assert rows[0].tables == (field.SAME, field.OWN)
    for title in (field.SAME, field.OWN):
        libraries = {c.library for c in rows if title in c.tables}
        assert libraries == {field.OURS, *(peer.name for peer in field_peers.PEERS)}
    assert len({c.name for c in rows}) == len(rows)


def test_diffusers_is_asked_at_its_own_times(batch):
    x, t, y = batch
    unet = Recorder()
    assert field_peers.AskedDiffusers(unet)(x, t, y).equal(x)
    assert unet.asked[0]["t"].tolist() == [0, 499, 999]
    assert unet.asked[0]["class_labels"].tolist() == [0, 9, 3]
    field_peers.AskedDiffusers(unet)(x, t)  # no label is a label, too
    assert unet.asked[1]["class_labels"].tolist() == [10, 10, 10]


def test_lucidrains_is_asked_at_its_own_times_with_the_label_beside_them(batch):
    x, t, y = batch
    unet = Recorder()
    net = field_peers.AskedLucidrains(unet)
    beside, seen = unet.time_mlp, []
    unet.register_forward_pre_hook(lambda module, inputs: seen.append(beside.y))
    assert net(x, t, y).equal(x)
    assert unet.asked[0]["t"].tolist() == [0, 499, 999]
    assert seen[0].equal(y)
    assert beside.y is None  # or it would be told of another batch, and stay in copies
    times = torch.ones(3, 1)
    plain = beside(times)
    beside.y = y
    assert torch.equal(beside(times), plain + beside.label.weight[y])


def test_smalldiffusion_is_asked_about_data_and_noise_at_their_ratio(batch):
    x_0, t, y = batch
    unet, noise = Recorder(), torch.randn(x_0.shape, generator=seeded(1))
    net = field_peers.AskedSmalldiffusion(unet, SCHEDULE)
    net(md.q_sample(x_0, t, SCHEDULE, noise), t, y)
    asked = unet.asked[0]
    sigma = (1 / SCHEDULE.alpha_bar[t] - 1).sqrt().float()
    torch.testing.assert_close(asked["t"].flatten(), sigma)
    torch.testing.assert_close(
        asked["x"], x_0 + sigma.view(3, 1, 1, 1) * noise, rtol=1e-4, atol=1e-4
    )
    assert asked["cond"].equal(y)


def test_copies_are_put_aside_when_they_are_due_and_at_the_end():
    net, copies = nn.Linear(1, 1), field_training.Copies(seconds=10.0)
    for now in (1.0, 9.9, 10.2, 12.0, 31.0, 39.0, 40.0, 41.0):
        nn.init.constant_(net.weight, now)
        copies.look(now, lambda: net, last=now == 41.0)
    assert [seconds for seconds, _ in copies.kept] == pytest.approx([10.2, 31.0, 40.0, 41.0])
    held = [
        float(weights["weight"]) for _, weights in copies.kept
    ]  # copies, not the network itself
    assert held == pytest.approx([10.2, 31.0, 40.0, 41.0])


def test_a_training_of_ours_is_counted_and_copied():
    plan = field_training.Plan(minutes=0.01, every=60.0, n=8, seed=0, documented=False)
    trained = field_training.ours(plan, precision="fp32", labels=False)
    assert trained.images % RECIPES["digits16"].training["batch"] == 0
    assert trained.images > 0
    assert [trained.seconds] == [seconds for seconds, _ in trained.copies.kept]
    assert trained.seconds >= 0.6
    assert (trained.labelled, trained.precision) == (False, "fp32")
    kept, now = trained.copies.kept[-1][1], trained.net.state_dict()
    assert all(torch.equal(kept[name], now[name]) for name in now)


class Counting(field_own.Own):
    """A training of its own that notes the shares of the time that it is told."""

    def __init__(self):
        self.module, self.shares, self.first = nn.Linear(1, 1), [], []

    def steps(self, data, done):
        self.first.append(torch.rand(()))
        while True:
            self.shares.append((done(), done()))
            yield len(data)

    def drawn(self):
        return self.module

    def draw(self, noise, labels, generator):
        return noise


def test_a_training_of_its_own_ends_with_the_time_and_follows_the_seed(monkeypatch):
    seconds = itertools.count()  # a clock that goes on by a second whenever it is read
    monkeypatch.setattr(field_training.time, "perf_counter", lambda: float(next(seconds)))
    plan = field_training.Plan(minutes=10 / 60, every=4.0, n=8, seed=3, documented=False)
    own = Counting()
    before = torch.random.get_rng_state()
    trained = field_training.by_its_own(own, [0] * 5, plan)
    assert own.shares == [(0.1, 0.2), (0.4, 0.5), (0.7, 0.8), (1.0, 1.0)]
    assert (trained.images, trained.seconds) == (20, 12.0)
    assert [when for when, _ in trained.copies.kept] == [6.0, 9.0, 12.0]
    assert own.first[0] == torch.rand((), generator=seeded(3))
    assert torch.random.get_rng_state().equal(before)  # the caller's draws stay as they were


def test_what_draws_globally_follows_the_generator():
    before, drawn = torch.random.get_rng_state(), []
    for seed in (5, 5, 6):
        with field_own.drawing_globally(seeded(seed)):
            drawn.append(torch.rand(4))
    assert drawn[0].equal(drawn[1])
    assert not drawn[0].equal(drawn[2])
    assert torch.random.get_rng_state().equal(before)

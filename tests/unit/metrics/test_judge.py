"""The figures that a network's digits are judged by."""

import pytest
import torch
from torch import nn

import minidiff as md
from minidiff.data.images import resized
from minidiff.metrics import frechet_bootstrap, frechet_distance
from minidiff.metrics.judge import Judge, draw_digits
from minidiff.systems.digits import drawing


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class FewFeatures(nn.Module):
    """The shipped classifier's answers, with few enough features for few images."""

    def __init__(self):
        super().__init__()
        self.whole = md.load("digit_classifier16")[0]

    def features(self, x):
        return self.whole.features(x)[:, :6]

    def forward(self, x):
        return self.whole(x)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(FewFeatures())


def test_digits_are_drawn_class_by_class():
    class Labels(nn.Module):
        """Predicts the noise of a picture as bright as its label says."""

        classes = null_label = 10

        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(1))

        def forward(self, x_t, t, y):
            x_0 = (y / 10).reshape(-1, 1, 1, 1).expand_as(x_t)
            return md.eps_from_x0(x_t, x_0, t, schedule)

    schedule = md.linear_schedule()
    images, labels = draw_digits(drawing(Labels(), schedule, 0.0), 13)
    assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    torch.testing.assert_close(images.mean(dim=(1, 2, 3)), labels / 10, atol=1e-3, rtol=0)


def test_samplers_start_from_the_same_noise_whatever_else_they_draw():
    seen = {"quiet": [], "drawing": []}

    def quiet(noise, labels, generator):
        seen["quiet"].append(noise)
        return noise

    def drawing(noise, labels, generator):
        seen["drawing"].append(noise)
        return torch.randn(noise.shape, generator=generator)

    for sampler in (quiet, drawing):
        images, labels = draw_digits(sampler, 300, size=4, seed=3)
        assert images.shape == (300, 1, 4, 4)
        assert labels.tolist() == [i % 10 for i in range(300)]
    assert [len(x) for x in seen["quiet"]] == [250, 50]
    assert torch.equal(torch.cat(seen["quiet"]), torch.cat(seen["drawing"]))


def test_larger_digits_are_judged_as_the_data_are_shrunk(judge):
    large, labels = md.data.digits("heldout", size=28)
    small, _ = md.data.digits("heldout", size=16)
    assert (
        judge.score(large[:200], labels[:200]).accuracy
        == judge.score(small[:200], labels[:200]).accuracy
    )
    assert torch.equal(resized(large, 16), small)
    assert resized(small, 16) is small
    beyond = resized(3 * large[:2], 16)
    assert beyond.min() >= -1
    assert beyond.max() <= 1


def test_real_digits_have_the_classes_of_the_samples(judge, monkeypatch):
    seen = {}
    monkeypatch.setattr(judge, "score", lambda images, labels: seen.update(x=images, y=labels))
    judge.real(25)
    assert seen["y"].tolist() == [i % 10 for i in range(25)]
    train = {x.numpy().tobytes() for x in judge.train}
    rows = [x.numpy().tobytes() for x in seen["x"]]
    assert set(rows) <= train
    assert len(set(rows)) == 25
    with pytest.raises(ValueError, match="n must be at most 4000"):
        judge.real(4001)


def test_real_digits_score_as_real(judge):
    score = judge.real(200)
    assert score.accuracy > 0.98
    assert score.nearest.max() == 0  # they are training digits
    noise = torch.rand(200, 1, 16, 16, generator=generator(0)) * 2 - 1
    worse = judge.score(noise, torch.arange(200) % 10)
    assert worse.frechet > 10 * score.frechet
    assert worse.accuracy < 0.3
    assert worse.nearest.min() > judge.heldout_nearest().max()


def test_held_out_digits_are_no_copies(judge):
    nearest = judge.heldout_nearest()
    assert nearest.shape == (1000,)
    assert nearest.min() > 0


def test_bootstrap_within_classes_is_the_spread_of_fresh_balanced_draws():
    """Classes far apart: chance in their numbers would be most of the spread."""
    middle = torch.tensor([[0.0, 0.0], [8.0, 0.0]]).double()

    def draw(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.arange(300) % 2
        z = torch.randn(2, 300, 2, generator=generator(seed), dtype=torch.float64)
        return middle[y] + z[0], middle[y] + z[1] + torch.tensor([1.0, 0.0])

    y = torch.arange(300) % 2
    fresh = torch.tensor([frechet_distance(*draw(seed)) for seed in range(200)]).std()
    within = [
        frechet_bootstrap(*draw(seed), n=60, generator=generator(seed), groups=(y, y))
        for seed in range(8)
    ]
    assert sum(within) / 8 == pytest.approx(float(fresh), rel=0.25)
    anyhow = frechet_bootstrap(*draw(0), n=60, generator=generator(0))
    assert anyhow > 1.5 * float(fresh)
    with pytest.raises(ValueError, match="groups must have one entry for each row"):
        frechet_bootstrap(*draw(0), groups=(y[:-1], y))

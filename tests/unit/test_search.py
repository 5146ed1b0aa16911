"""The search for what learns fastest, and the comparison with an earlier commit: what they say is right."""

import json
import math
from types import SimpleNamespace

import pytest
import torch

import minidiff as md
from benchmarks import search, since, what_it_costs
from benchmarks.search import Setting, draw_times, loss_at_times, setting_of

SCHEDULE = md.linear_schedule(50, 0.002, 0.2)
X = torch.rand(6, 1, 4, 4, generator=md.seeded(0)) * 2 - 1


def test_names_are_put_together_and_the_last_word_counts():
    made = setting_of("batch 64 + no dropout+min-SNR 5 + batch 32")
    assert made == Setting(train={"batch": 32}, net={"dropout": 0.0}, loss={"gamma": 5.0})
    assert setting_of(search.AS_IT_IS) == Setting()


def test_a_slip_in_a_name_is_told_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr(search, "trial", None)
    with pytest.raises(ValueError, match="'batch 65' is none of as it is, batch 8"):
        search.main(["as it is", "batch 64 + batch 65"])


@pytest.mark.parametrize("times", ["uniform", "strata", "middle"])
def test_all_times_can_be_drawn_and_no_others(times):
    drawn = draw_times(times, 20_000, 5, md.seeded(1))
    assert drawn.dtype == torch.int64
    assert drawn.unique().tolist() == [1, 2, 3, 4, 5]


def test_strata_leave_no_part_of_the_chain_out():
    assert draw_times("strata", 50, 50, md.seeded(2)).tolist() == list(range(1, 51))
    assert len(draw_times("uniform", 50, 50, md.seeded(2)).unique()) < 45


def test_the_middle_is_a_gaussian_before_its_logistic_curve():
    """The share below t is Φ(logit(t / T))."""
    drawn = draw_times("middle", 100_000, 100, md.seeded(3))
    for t in (10, 30, 50, 90):
        logit = torch.tensor(math.log(t / (100 - t)))
        share = float((drawn <= t).double().mean())
        assert share == pytest.approx(float(torch.special.ndtr(logit)), abs=0.006)


def nothing(x, t):
    """A network that always answers 0."""
    return torch.zeros_like(x)


@pytest.mark.parametrize("times", ["uniform", "strata"])
def test_a_trial_makes_the_simple_loss_small_at_the_times_it_is_told(times):
    generator = md.seeded(4)
    t = draw_times(times, len(X), SCHEDULE.T, generator)
    expected = md.simple_loss(nothing, X, SCHEDULE, t=t, kind="v", gamma=2.0, generator=generator)
    made = loss_at_times(
        nothing, X, SCHEDULE, times=times, kind="v", gamma=2.0, generator=md.seeded(4)
    )
    assert torch.equal(made, expected)


def result(setting, seed, frechet, **more):
    said = {"accuracy": 0.9, "loss": 0.1, "bits": 2.5, "train seconds": 60.0}
    return {"setting": setting, "seed": seed, "frechet": frechet, **said, **more}


def test_the_table_has_the_best_first_and_the_error_of_a_mean():
    rows = search.table(
        [result("a", 0, 10.0), result("b", 0, 4.0), result("a", 1, 14.0), result("b", 1, 4.0)]
    ).splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["b", "a"]
    assert "4.00 ± 0.00" in rows[1]
    assert "2.500 ± 0.000" in rows[1]
    assert "12.00 ± 2.00" in rows[2]  # the standard deviation of 10 and 14 is √8, over √2


def test_a_search_that_was_stopped_goes_on_with_what_is_missing(monkeypatch, tmp_path, capsys):
    ran = []

    def trial(name, seed, images, samples, w, judge):
        ran.append((name, seed, images, samples, w))
        return result(name, seed, 5.0 + seed)

    monkeypatch.setattr(search, "trial", trial)
    common = ["--images", "500", "--samples", "100", "--out", str(tmp_path)]
    search.main(["batch 64", "--seeds", "1", *common])
    search.main(["batch 64", "no decay", "--seeds", "0", "1", *common])
    assert ran == [
        ("batch 64", 1, 500, 100, 1.0),
        ("batch 64", 0, 500, 100, 1.0),
        ("no decay", 0, 500, 100, 1.0),
        ("no decay", 1, 500, 100, 1.0),
    ]
    assert "5.50 ± 0.50" in capsys.readouterr().out
    search.main(["batch 64", "--seeds", "1", "--images", "600", *common[2:]])
    search.main(["batch 64", "--seeds", "1", "--w", "0", *common])
    assert len(ran) == 6  # trials of another size are others, and so are those of other guidance
    assert ran[-1][-1] == 0.0


def test_too_few_samples_are_refused_at_once(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(search, "trial", None)
    with pytest.raises(SystemExit):
        search.main(["as it is", "--samples", "64", "--out", str(tmp_path)])
    assert "--samples must be above 64" in capsys.readouterr().err


def test_a_trial_sees_as_many_images_whatever_its_batch(monkeypatch):
    seen = {}

    def train(net, data, loss, **options):
        seen.update(options, dropout=net.config["dropout"], **loss.keywords)
        raise KeyboardInterrupt

    monkeypatch.setattr(md, "train", train)
    for name, batch in (("as it is", 128), ("batch 32", 32)):
        with pytest.raises(KeyboardInterrupt):
            search.trial(name + " + no dropout + predict v", 3, 1280, 100, 1.0, None)
        assert (seen["steps"] * batch, seen["batch"]) == (1280, batch)
    assert (seen["seed"], seen["dropout"], seen["kind"]) == (3, 0.0, "v")
    assert seen["compile"] is False  # a trial that compiles would not be like the others


# ---- since an earlier commit ----------------------------------------------------------------------


def test_ratios_are_of_one_round_each():
    assert since.ratio([2.0, 9.0, 4.0], [1.0, 3.0, 4.0]) == "2.00 [1.00, 3.00]"


def test_the_table_says_how_many_times_as_fast_and_how_much_smaller():
    before = [{"seconds": 4.0, "done": 2000, "peak": 300e6}]
    now = [{"seconds": 2.0, "done": 2000, "peak": 150e6}]
    _, row = since.table({"a task": {"before": before, "now": now}}).splitlines()
    assert row.split() == [
        "a", "task", "2000.00", "1000.00", "2.00", "[2.00,", "2.00]",
        "300", "150", "0.50", "[0.50,", "0.50]",
    ]  # fmt: skip


def test_what_an_earlier_commit_could_not_do_has_a_dash():
    now = [{"seconds": 2.0, "done": 2000, "peak": 150e6}]
    _, row = since.table({"a task": {"before": [], "now": now}}).splitlines()
    assert row.split() == ["a", "task", "–", "1000.00", "–", "–", "150", "–"]


def test_growth_is_1_where_the_time_grows_as_the_work_does():
    now = {
        "draw digits": [{"seconds": 50.0, "done": 1000}, {"seconds": 60.0, "done": 1000}],
        "draw digits, a fifth of the steps": [{"seconds": 10.0, "done": 1000}] * 2,
        "call at 128": [{"seconds": 8.0, "done": 4}] * 2,
        "call at 64": [{"seconds": 1.0, "done": 1}] * 2,
    }
    said = since.growth(now)
    assert "draw digits / draw digits, a fifth of the steps: 1.10 [1.00, 1.20]" in said
    assert "call at 128 / call at 64: 2.00 [2.00, 2.00]" in said
    assert "call at 32" not in said
    assert since.growth({}) == ""


def test_the_tasks_that_are_compared_are_there():
    named = {task for large, small, _ in since.GROWTH for task in (large, small)}
    assert named | {*what_it_costs.NEW} <= {*what_it_costs.TASKS}


@pytest.mark.parametrize(
    ("told", "settings", "batch"),
    [
        ({}, {}, 128),
        ({"training": {"batch": 32}}, {}, 32),
        ({"training": {"batch": 32}}, {"batch": 64}, 64),
    ],
)
def test_a_training_sees_the_images_whatever_a_commit_calls_its_settings(
    monkeypatch, told, settings, batch
):
    asked = {}

    def run(name, **given):
        asked.update(given)
        return SimpleNamespace(seconds=2.0, steps=given["steps"])

    library = SimpleNamespace(RECIPES={"digits16": SimpleNamespace(**told)}, run=run)
    monkeypatch.setattr(what_it_costs, "recipes", library)
    assert what_it_costs.train("digits16", 1280, **settings) == (2.0, 1280)
    assert asked == {"steps": 1280 // batch, "progress": False, **settings}


@pytest.mark.slow
def test_a_task_runs_in_a_process_of_its_own_and_says_what_it_cost(tmp_path):
    said = since.cost(since.ROOT, "call at 16")
    assert said.keys() == {"seconds", "done", "peak"}
    assert said["done"] == 8 * what_it_costs.CALLS * what_it_costs.PICTURES * 16 * 16
    assert 0 < said["seconds"] < 600
    assert 50e6 < said["peak"] < 20e9


def test_what_is_written_is_a_whole_file(monkeypatch, tmp_path):
    monkeypatch.setattr(search, "trial", lambda *arguments: result("as it is", 0, 3.0))
    arguments = ["as it is", "--seeds", "0", "--w", "0.5", "--out", str(tmp_path)]
    search.main(arguments)
    (file,) = tmp_path.iterdir()
    assert file.name == "80000 images, 1000 samples, w = 0.5, as it is, seed 0.json"
    assert json.loads(file.read_text())["frechet"] == 3.0
    search.main([*arguments, "--save", str(tmp_path / "all.json")])
    assert json.loads((tmp_path / "all.json").read_text()) == [json.loads(file.read_text())]

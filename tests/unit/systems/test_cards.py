"""The card beside each file of weights tells of the recipe that is there today."""

import dataclasses
import inspect
import json

import pytest

import minidiff as md
from minidiff import weights
from minidiff.recipes import RECIPES
from minidiff.systems import digits, own

CARDS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in weights.FOLDER.glob("*.json")
}
DEFAULT_BATCH = inspect.signature(md.train).parameters["batch"].default


def test_each_recipe_has_a_card():
    assert set(CARDS) == set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_the_card_tells_of_the_recipe(name):
    recipe, card = RECIPES[name], CARDS[name]
    net, schedule = recipe.net(), recipe.schedule()
    assert card["network"] == type(net).__name__
    assert card["config"] == net.config
    assert card["weights"] == sum(x.numel() for x in net.parameters())
    assert card["steps"] == recipe.training["steps"]
    assert card["batch"] == recipe.training.get("batch", DEFAULT_BATCH)
    assert card["stored"] == ("16 bits" if recipe.half else "32 bits")
    assert (card["schedule"] is None) == (schedule is None)
    assert card["about"] == recipe.about


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digit_classifier16", "noisy_classifier16"])
def test_scores_come_out_again(name):
    """Those of what draws take minutes: the recipe makes them anew with the weights."""
    scores = RECIPES[name].score(*md.load(name))
    assert scores == pytest.approx(CARDS[name]["scores"], abs=0.002)


@pytest.mark.parametrize("name", [n for n, r in RECIPES.items() if r.sample is not None])
def test_drawn_digits_are_scored_with_the_weights_that_the_card_names(name):
    scored = {what for what in CARDS[name]["scores"] if ", w = " in what}
    weights_of_guidance = [f", w = {w:g}" for w in digits.WEIGHTS]
    assert scored == {
        f"{what}{w}" for what in ("accuracy", "Fréchet distance") for w in weights_of_guidance
    }


def test_digits_are_scored_at_the_size_that_they_have():
    assert md.data.digits()[0].shape[2:] == (digits.SIZE, digits.SIZE)


def test_one_s_own_pictures_get_the_network_that_the_page_tells_of(tmp_path):
    from PIL import Image

    for k in range(2):
        (tmp_path / f"class{k}").mkdir()
        Image.new("RGB", (32, 32), (0, 0, k)).save(tmp_path / f"class{k}" / "a.png")
    recipe = own.of_folder(tmp_path, 32)
    net = recipe.net()
    assert net.config["multipliers"] == [1, 2, 4]
    assert net.config["attention"] == [False, True, True]
    assert (net.channels, net.classes, net.config["width"], net.config["blocks"]) == (3, 2, 16, 1)
    assert own.of_folder(tmp_path, 64).net().config["attention"] == [False, False, True]


def test_a_recipe_stays_as_it_was_written():
    """All share one: who wants another makes it by dataclasses.replace."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPES["digits16"].training = {"steps": 1}

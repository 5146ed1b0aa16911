"""What ships is what its card says, and everything else is refused by name."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import minidiff as md
from minidiff import recipes, weights
from minidiff.base.files import CHECKPOINT, DamagedFileError, load_checkpoint, save_checkpoint
from minidiff.data.images import resized
from minidiff.metrics.judge import draw_digits
from minidiff.systems import digits
from minidiff.systems.digits import drawing
from minidiff.training.batches import read_data
from minidiff.weights import places


def card(name: str) -> dict:
    return json.loads((weights.FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The shipped folder, copied to where it can be damaged."""
    folder = tmp_path / "weights"
    shutil.copytree(weights.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(weights, "FOLDER", folder)
    return folder


def test_each_recipe_ships_and_nothing_else():
    assert md.available() == sorted(recipes.RECIPES)
    stems = {path.stem for path in weights.FOLDER.glob("*.safetensors")}
    assert stems == set(recipes.RECIPES)


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_card_describes_the_file(name):
    about = card(name)
    path = weights.FOLDER / f"{name}.safetensors"
    content = path.read_bytes()
    assert about["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) < 3_000_000
    stored = {x.dtype for name, x in load_file(path).items() if name != weights.SCHEDULE}
    assert stored == {torch.float16 if recipes.RECIPES[name].half else torch.float32}
    assert about["stored"] == ("16 bits" if recipes.RECIPES[name].half else "32 bits")
    net, schedule = md.load(name)
    assert about["network"] == type(net).__name__
    assert about["config"] == net.config
    assert about["weights"] == sum(x.numel() for x in net.parameters())
    assert not net.training
    assert {x.dtype for x in net.parameters()} == {torch.float32}
    if schedule is None:
        assert about["schedule"] is None
    else:
        assert about["schedule"]["T"] == schedule.T
        assert about["schedule"]["beta_T"] == float(schedule.beta[-1])
    # The recipe of today still makes this network.
    recipe = recipes.find(name)
    made = {key: x.shape for key, x in recipe.net().state_dict().items()}
    assert made == {key: x.shape for key, x in net.state_dict().items()}
    assert weights.example_shape(name) == read_data(recipe.data(), net).shape
    assert about["steps"] == recipe.training["steps"]


def test_schedule_comes_back_to_the_last_bit():
    _, schedule = md.load("digits16")
    assert torch.equal(schedule.alpha_bar, md.linear_schedule().alpha_bar)
    assert schedule.name == "linear"


def test_classifier_reads_held_out_digits_as_its_card_says():
    net, schedule = md.load("digit_classifier16")
    assert schedule is None
    got = md.metrics.accuracy(net, *md.data.digits("heldout")).value
    assert got >= 0.97
    assert got == pytest.approx(card("digit_classifier16")["scores"]["accuracy, heldout"], abs=2e-3)
    assert net.features(torch.zeros(1, 1, 16, 16)).shape[1] <= 64


def test_classifier_is_trained_without_the_held_out_digits():
    heldout = {x.numpy().tobytes() for x in md.data.digits("heldout")[0]}
    images = recipes.find("digit_classifier16").data()[0]
    assert not any(x.numpy().tobytes() in heldout for x in images)


DRAWING = [recipe.name for recipe in digits.RECIPES if recipe.sample]


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWING)
def test_network_draws_what_it_is_told(name):
    net, schedule = md.load(name)
    size = weights.example_shape(name)[-1]
    images, labels = draw_digits(drawing(net, schedule, 1.0), 10, size=size)
    assert images.shape == (10, 1, size, size)
    reader = md.load("digit_classifier16")[0]
    assert md.metrics.accuracy(reader, resized(images, 16), labels).value >= 0.9
    assert card(name)["scores"]["accuracy, w = 1"] >= 0.98


def test_noisy_classifier_reads_noisy_digits_as_its_card_says():
    net, schedule = md.load("noisy_classifier16")
    images, labels = md.data.digits("heldout")
    scores = card("noisy_classifier16")["scores"]
    for t in (1, 250):
        x_t = md.q_sample(images, t, schedule, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            read = float((net(x_t, t).argmax(dim=1) == labels).double().mean())
        assert read == pytest.approx(scores[f"accuracy, held-out, t = {t}"], abs=5e-3)
    falling = list(scores.values())
    assert falling == sorted(falling, reverse=True)
    assert falling[0] >= 0.97 > 0.2 > falling[-1]


def test_half_is_rounded_and_comes_back_in_full(tmp_path):
    net = md.MLP(2, width=16, depth=1)
    weights.save(tmp_path / "whole", net, shape=(2,))
    weights.save(tmp_path / "half", net, md.linear_schedule(), shape=(2,), half=True)
    assert (tmp_path / "half").stat().st_size < (tmp_path / "whole").stat().st_size + 8000
    back, schedule = md.load(tmp_path / "half")
    assert torch.equal(schedule.beta, md.linear_schedule().beta)  # the schedule is never rounded
    for ours, theirs in zip(back.parameters(), net.parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())


def test_table_is_the_one_the_recipe_prints():
    written = (weights.FOLDER / "README.md").read_text(encoding="utf-8")
    assert written == recipes.table(weights.FOLDER)
    for name in recipes.RECIPES:
        assert f"`{name}`" in written


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign"])
def test_damaged_shipped_file_is_named(copied, damage):
    path = copied / "digits16.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-1] ^= 1
    elif damage == "cut":
        content = content[:-100]
    else:
        save_file({"x": torch.zeros(3)}, path)
        content = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"python -m minidiff\.recipes digits16") as refusal:
        md.load("digits16")
    assert str(path) in str(refusal.value)
    found = hashlib.sha256(content).hexdigest()
    stated = json.loads((copied / "digits16.json").read_text(encoding="utf-8"))["sha256"]
    assert f"(SHA-256 {found[:12]}…, its card says {stated[:12]}…)" in str(refusal.value)


def test_missing_shipped_file_is_named(copied):
    (copied / "digits16.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"digits16\.safetensors is missing"):
        md.load("digits16")


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"one of digit_classifier16, digits16, .*'digits17'"):
        md.load("digits17")


def test_folder_without_a_training_is_named(tmp_path):
    with pytest.raises(ValueError, match="holds no training"):
        md.load(tmp_path)


def test_own_file(tmp_path):
    net, schedule = md.MLP(2, width=16, depth=1), md.cosine_schedule(50)
    path = tmp_path / "mine.safetensors"
    digest = weights.save(path, net, schedule, shape=(2,))
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    back, schedule_back = md.load(path)
    assert torch.equal(schedule_back.beta, schedule.beta)
    assert weights.example_shape(path) == (2,)
    for ours, theirs in zip(back.parameters(), net.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "kind",
    ["text", "other safetensors", "wrong shapes", "wrong class", "a word too many", "a value"],
)
def test_foreign_file_is_named(tmp_path, kind):
    path = tmp_path / "foreign.safetensors"
    marks = {"format": weights.FORMAT, "schedule": "", "shape": "[2]", "class": "MLP"}
    if kind == "text":
        path.write_text("not weights at all")
    elif kind == "other safetensors":
        save_file({"x": torch.zeros(3)}, path)
    elif kind == "wrong shapes":
        save_file({"x": torch.zeros(3)}, path, metadata={**marks, "config": '{"channels": 2}'})
    elif kind in ("a word too many", "a value"):
        config = {"channels": 2, "wings": 2} if kind == "a word too many" else {"channels": 0}
        save_file({"x": torch.zeros(3)}, path, metadata={**marks, "config": json.dumps(config)})
    else:
        marks["class"] = "Conv2d"
        save_file({"x": torch.zeros(3)}, path, metadata={**marks, "config": "{}"})
    with pytest.raises(ValueError, match="foreign") as refusal:
        md.load(path)
    assert str(path) in str(refusal.value)


def test_other_networks_cannot_be_saved_by_name(tmp_path):
    with pytest.raises(TypeError, match="net must be a network of minidiff"):
        weights.save(tmp_path / "x.safetensors", torch.nn.Linear(2, 2), None, shape=(2,))


class Mine(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, t):
        return x * self.scale


def test_own_run(tmp_path):
    x = torch.linspace(-1, 1, 64).reshape(32, 2)
    given = {"schedule": md.linear_schedule(), "steps": 3, "batch": 4, "progress": False}
    run = md.train(md.MLP(2, width=16, depth=1), x, out=tmp_path / "a", device="cpu", **given)
    net, schedule = md.load(tmp_path / "a")
    assert torch.equal(schedule.beta, md.linear_schedule().beta)
    assert weights.example_shape(tmp_path / "a") == (2,)
    for ours, theirs in zip(net.parameters(), run.net.parameters(), strict=True):
        assert torch.equal(ours, theirs)

    run = md.train(Mine(), x, out=tmp_path / "b", device="cpu", **given)
    with pytest.raises(ValueError, match="net=an instance of Mine"):
        md.load(tmp_path / "b")
    net, _ = md.load(tmp_path / "b", net=Mine())
    assert torch.equal(net.scale, run.net.scale)


PREDICTIONS = ("eps", "x0", "v", "score", "velocity")


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_what_a_network_predicts_is_kept(tmp_path, prediction):
    net = md.MLP(2, width=16, depth=1)
    net.predicts = prediction
    weights.save(tmp_path / "file", net, md.linear_schedule(), shape=(2,))
    assert md.load(tmp_path / "file")[0].predicts == prediction


@pytest.mark.parametrize("name", [recipe.name for recipe in digits.RECIPES])
def test_what_shipped_digits_predict(name):
    """Their files were written before networks said it: only the flow has no schedule."""
    net, _ = md.load(name)
    wanted = {"digits16_flow": "velocity", "digit_classifier16": None, "noisy_classifier16": None}
    assert getattr(net, "predicts", None) == wanted.get(name, "eps")


def written_before(path, schedule) -> None:
    """A file as it was before classes had import paths and networks said what they predict."""
    weights.save(path, md.MLP(2, width=16, depth=1), schedule, shape=(2,))
    tensors, about = weights._unpack(path, path.read_bytes())
    del about["predicts"]
    save_file(tensors, path, metadata={**about, "class": "MLP"})


def test_older_files_are_read(tmp_path):
    written_before(tmp_path / "noise", md.linear_schedule())
    written_before(tmp_path / "flow", None)
    assert [md.load(tmp_path / name)[0].predicts for name in ("noise", "flow")] == [
        "eps",
        "velocity",
    ]


def test_older_runs_are_read(tmp_path):
    x = torch.linspace(-1, 1, 64).reshape(32, 2)
    given = {"steps": 1, "batch": 4, "progress": False, "device": "cpu", "out": tmp_path}
    md.train(md.MLP(2, width=16, depth=1), x, md.flow.matching_loss, schedule=None, **given)
    saved = load_checkpoint(tmp_path / CHECKPOINT)
    assert saved["network"]["class"] == "minidiff.nn.mlp:MLP"
    del saved["predicts"]
    saved["network"]["class"] = "MLP"
    save_checkpoint(tmp_path / CHECKPOINT, saved)
    net, _ = md.load(tmp_path)
    assert isinstance(net, md.MLP)
    assert net.predicts == "velocity"


class Outside(md.MLP):
    """A network of the library by its parent, but not by its place."""


def test_a_class_is_imported_from_below_the_library_only(tmp_path, monkeypatch):
    imported = []
    monkeypatch.setattr(places.importlib, "import_module", lambda name: imported.append(name))
    for path in ("os:system", "minidiffer.nn:MLP", "tests:Outside", ".nn:MLP"):
        assert places.find_class(path) is None
    assert imported == []


@pytest.mark.parametrize(
    "path", ["minidiff.nn.unet:nothing", "minidiff.nowhere:MLP", "minidiff:train"]
)
def test_what_is_no_class_of_a_network_is_none(path):
    assert places.find_class(path) is None


def test_a_function_is_the_librarys_own():
    assert places.find_function(places.import_path(md.ddim_sample)) is md.ddim_sample
    assert places.find_function("minidiff.base.files:hashlib.file_digest") is None
    assert places.find_function("minidiff.base.files:CHECKPOINT") is None
    assert places.find_function(None) is None
    assert places.import_path(None) is None


def test_a_class_is_found_by_its_path():
    for net in (md.TinyUNet(width=4), md.MLP(width=8), md.DigitClassifier()):
        assert places.find_class(places.class_path(net)) is type(net)
        assert places.find_class(type(net).__name__) is type(net)


def test_a_network_from_outside_is_filled(tmp_path):
    net = Outside(2, width=16, depth=1)
    net.predicts = "v"
    weights.save(tmp_path / "file", net, shape=(2,))
    with pytest.raises(ValueError, match=r"md\.load.*net=an instance of Outside"):
        md.load(tmp_path / "file")
    back, _ = md.load(tmp_path / "file", net=Outside(2, width=16, depth=1, seed=1))
    assert isinstance(back, Outside)
    assert back.predicts == "v"
    assert torch.equal(back.head.weight, net.head.weight)


def test_arguments_that_cannot_be_written_down_are_refused(tmp_path):
    class Odd(md.MLP):
        def __init__(self, act=torch.tanh):
            super().__init__(2, width=16, depth=1)

    with pytest.raises(TypeError, match="Odd was made with arguments that cannot be written down"):
        weights.save(tmp_path / "file", Odd(), shape=(2,))


@pytest.mark.slow
def test_recipe_writes_weights_card_and_table(tmp_path, capsys):
    status = recipes.main(["digit_classifier16", "--steps", "30", "--out", str(tmp_path)])
    assert status == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["README.md", "digit_classifier16.json", "digit_classifier16.safetensors"]
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "digit_classifier16.json").read_text())
    assert printed["steps"] == 30
    net, _ = md.load(tmp_path / "digit_classifier16.safetensors")
    got = md.metrics.accuracy(net, *md.data.digits("heldout")).value
    assert printed["scores"]["accuracy, heldout"] == round(got, 4)
    table = (tmp_path / "README.md").read_text()
    assert "| 30 |" in table


def test_unknown_recipe_lists_the_known():
    with pytest.raises(ValueError, match="one of digit_classifier16, noisy_classifier16, digits16"):
        recipes.run("nothing", steps=1)
    with pytest.raises(ValueError, match="not both"):
        recipes.run("digits16", steps=1, minutes=1)
    with pytest.raises(ValueError, match="size=8"):
        recipes.run("digits16", steps=1, size=8)


def test_gamma_weighs_the_loss_of_a_recipe(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="gamma must lie in"):
        recipes.run("digits16", steps=1, gamma=-1.0, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(recipes, "train", lambda net, data, loss, **settings: loss)
    assert recipes.run("digits16") is md.simple_loss
    weighed = recipes.run("digits16", gamma=5.0)
    assert (weighed.func, weighed.keywords) == (md.simple_loss, {"gamma": 5.0})
    own = recipes.run("digits28").keywords["gamma"]
    assert recipes.run("digits28", gamma=own / 2).keywords == {"gamma": own / 2}
    with pytest.raises(ValueError, match=r"gamma=5\.0 weighs simple_loss.*learns by hybrid_loss"):
        recipes.run("digits16_hybrid", gamma=5.0)


@pytest.mark.slow
def test_the_same_network_is_the_same_file_in_every_process(tmp_path):
    """Its words come in an order of their own in each process, as the library writes them."""
    code = (
        "import sys, minidiff as md; from minidiff import weights; "
        "net = md.MLP(2, 3, width=8, depth=1, seed=0); "
        "print(weights.save(sys.argv[1], net, md.linear_schedule(9, 0.1, 0.2), shape=(2,)))"
    )
    files = [tmp_path / "here.safetensors", tmp_path / "there.safetensors"]
    net = md.MLP(2, 3, width=8, depth=1, seed=0)
    here = weights.save(files[0], net, md.linear_schedule(9, 0.1, 0.2), shape=(2,))
    there = subprocess.run(
        [sys.executable, "-c", code, str(files[1])], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert here == there
    assert files[0].read_bytes() == files[1].read_bytes()
    net, schedule = md.load(files[0])
    assert torch.equal(schedule.beta, md.linear_schedule(9, 0.1, 0.2).beta)
    for ours, theirs in zip(
        net.parameters(), md.MLP(2, 3, width=8, depth=1, seed=0).parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert {*load_file(files[0])} == {*net.state_dict(), "schedule.beta"}


def test_a_file_does_not_depend_on_the_order_of_its_header():
    """Which safetensors leaves to chance; a hash would tell two equal networks apart."""
    header = {
        "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "__metadata__": {"z": "1", "a": "2"},
    }
    turned = {"__metadata__": {"a": "2", "z": "1"}, "b": dict(reversed(header["b"].items()))}

    def file(header):
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + b"1234"

    content = weights.in_order(file(header))
    assert content == weights.in_order(file(turned))
    assert content.endswith(b"1234")
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    assert json.loads(content[8 : 8 + length]) == header
    assert weights.in_order(content) == content

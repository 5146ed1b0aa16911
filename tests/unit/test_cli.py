"""The command line: it does what it says, and errors are one line."""

import subprocess
import sys

import matplotlib.image
import pytest
import torch

import minidiff as md
from minidiff.__main__ import main
from minidiff.training import doctor


def test_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "minidiff", "sample", "nothing-here"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("minidiff sample: name must be one of")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [[], ["train"], ["sample"], ["doctor"]])
def test_help_names_everything(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    wanted = {
        "": ["train", "sample", "doctor"],
        "train": ["--steps", "--minutes", "--out", "--fresh", "--extend", "digits16", "mnist"],
        "sample": ["--label", "--n", "--steps", "--w", "--seed", "--out", "digits16"],
        "doctor": ["missing", "FOLDER"],
    }[command[0] if command else ""]
    assert all(word in text for word in wanted)


def test_no_command_prints_the_help(capsys):
    assert main([]) == 2
    assert "sample" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["digits16", "digits16_flow", "digits16_hybrid"])
def test_each_network_is_walked_by_the_sampler_that_suits_it(name, tmp_path, monkeypatch):
    """Ten digits in ten steps are read by the classifier; a walk that does not suit leaves noise."""
    kept = {}

    def keep(path, images, columns, about):
        kept["images"] = images
        return path

    monkeypatch.setattr("minidiff.base.pictures.save_sheet", keep)
    command = ["sample", name, "--n", "20", "--steps", "10", "--out", str(tmp_path / "x.png")]
    assert main(command) == 0
    classifier, _ = md.load("digit_classifier16")
    read = md.metrics.accuracy(classifier, kept["images"], torch.arange(20) % 10).value
    assert read >= 0.9


def test_variance_of_a_network_without_labels_is_used_too(tmp_path):
    net = md.TinyUNet(1, width=4, multipliers=(1,), out_channels=2)
    given = {"schedule": md.linear_schedule(), "steps": 1, "batch": 2, "progress": False}
    md.train(net, torch.zeros(4, 1, 4, 4) - 1, md.hybrid_loss, out=tmp_path / "run", **given)
    out = tmp_path / "x.png"
    assert (
        main(["sample", str(tmp_path / "run"), "--n", "2", "--steps", "2", "--out", str(out)]) == 0
    )
    assert out.is_file()


def test_sample_writes_a_picture(tmp_path, capsys):
    out = tmp_path / "sevens.png"
    command = ["sample", "digits16", "--label", "7", "--n", "12", "--steps", "3", "--out", str(out)]
    assert main(command) == 0
    assert str(out) in capsys.readouterr().out
    picture = matplotlib.image.imread(out)
    assert picture.shape[:2] == ((2 * 17 + 1) * 4, (10 * 17 + 1) * 4)
    first = out.read_bytes()
    assert main(command) == 0
    assert out.read_bytes() == first  # the seed decides
    assert main([*command, "--seed", "1"]) == 0
    assert out.read_bytes() != first


def test_pictures_drawn_in_16_bits_are_nearly_those_in_32_and_say_so(tmp_path, monkeypatch):
    kept = []

    def keep(path, images, columns, about):
        kept.append((images, about))
        return path

    monkeypatch.setattr("minidiff.base.pictures.save_sheet", keep)
    command = ["sample", "--n", "10", "--steps", "5", "--out", str(tmp_path / "x.png")]
    for precision in ("fp32", "bf16"):
        assert main([*command, "--precision", precision]) == 0
    (exact, plain), (rounded, said) = kept
    assert said == {**plain, "precision": "bf16"}
    assert 0 < float((exact - rounded).abs().mean()) < 0.05
    assert main(command) == 0
    assert torch.equal(kept[-1][0], exact)  # unless somebody asks, pictures are the same everywhere


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "digits16", "--n", "0"], "--n must be at least 1, got 0"),
        (["sample", "digits16", "--label", "12"], "12"),
        (["sample", "digits16", "--steps", "2000"], "2000"),
        (["sample", "digit_classifier16"], "DigitClassifier, which draws nothing"),
        (["sample", "noisy_classifier16"], "NoisyClassifier, which draws nothing"),
        (["train", "nothing"], "name must be a recipe or a data set"),
        (["train", "digits16", "--size", "8"], "size=8"),
        (["train", "digits16", "--steps", "0"], "steps must be at least 1, got 0"),
        (["train", "digits16", "--steps", "1", "--gamma", "0"], "gamma must lie in"),
        (["train", "digits16_flow", "--gamma", "5"], "digits16_flow learns by matching_loss"),
    ],
)
def test_errors_are_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"minidiff {arguments[0]}: ")
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_train_then_sample(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    train = ["train", "digits", "--size", "8", "--steps", "2", "--batch", "4"]
    assert main(train) == 0
    assert (tmp_path / "runs" / "digits" / "checkpoint.pt").is_file()
    assert "python -m minidiff sample runs/digits" in capsys.readouterr().out.replace("\\", "/")
    assert main(train) == 0
    assert "is finished (2 steps)" in capsys.readouterr().out
    assert main(["sample", "runs/digits", "--n", "3", "--steps", "2"]) == 0
    assert matplotlib.image.imread("samples.png").shape[:2] == ((8 + 2) * 4, (3 * 9 + 1) * 4)
    assert main([*train, "--seed", "1"]) == 1
    assert "seed: 0 in the folder, 1 now" in capsys.readouterr().err
    assert main([*train, "--gamma", "5"]) == 1
    assert "loss: simple_loss in the folder, simple_loss(gamma=5.0) now" in capsys.readouterr().err
    assert main([*train[:-4], "--steps", "3", "--batch", "4", "--extend"]) == 0
    capsys.readouterr()
    assert main(["doctor", "runs/digits"]) == 0
    assert "from step 2 on: steps = 3, before 2" in capsys.readouterr().out
    assert main([*train, "--seed", "1", "--fresh"]) == 0


def test_doctor_finds_everything_here(capsys):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for word in ("minidiff", "torch", "einops", "device: ", "bf16", "4000 to train", "digits16"):
        assert word in text
    assert "MISSING" not in text


@pytest.mark.parametrize(("gain", "word"), [(1.19, "fp32"), (1.2, "bf16"), (3.0, "bf16")])
def test_doctor_says_what_a_training_will_choose(gain, word, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "bfloat16_gain", lambda device: gain)
    main(["doctor"])
    assert f"U-Nets train in {word}" in capsys.readouterr().out


def test_doctor_says_how_to_get_what_is_missing(monkeypatch, capsys):
    for name in ("einops", "accelerate"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(doctor, "load", damaged)
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "MISSING  einops (rearranging tensors): pip install einops" in text
    assert 'pip install "minidiff[distributed]"' in text
    assert "MISSING  weights are damaged" in text


def damaged(name: str) -> None:
    raise ValueError("weights are damaged")

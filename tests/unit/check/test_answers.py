"""Answer sheets: a student's copy of a graded question judges as the instructor's does."""

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from make_assignments import stripped
from safetensors.torch import save_file

import minidiff as md
from minidiff.check import bank
from minidiff.check.answers import SEEDS, answers, write_sheet
from minidiff.check.bank import load
from minidiff.check.ladder import climb

ROOT = Path(__file__).parents[3]
QUESTION = ROOT / "assignments" / "01_forward_process" / "questions" / "q_sample.py"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What students get of one question, and a list of folders that goes back afterwards."""
    source = QUESTION.read_text(encoding="utf-8")
    (tmp_path / QUESTION.name).write_text(stripped(source), encoding="utf-8")
    write_sheet(load(QUESTION), tmp_path / "q_sample.safetensors")
    monkeypatch.setattr(bank, "_folders", [bank.HERE])
    return tmp_path


def test_students_get_no_code_that_gives_it_away(folder):
    text = (folder / QUESTION.name).read_text(encoding="utf-8")
    assert "@EXERCISE.cases" in text
    for given_away in (
        "EXERCISE.reference",
        "EXERCISE.mistake",
        "EXERCISE.correct",
        "You ",
        "def in_place",
    ):
        assert given_away not in text
    compile(text, "q_sample.py", "exec")


def test_students_are_told_the_same(folder):
    full, theirs = load(QUESTION), load(folder / QUESTION.name)
    assert theirs.solution is None
    for function in (full.solution, *full.variants, *(m.function for m in full.mistakes)):
        assert climb(theirs, function) == climb(full, function)
    assert [m.name for m in theirs.mistakes] == [m.name for m in full.mistakes]


def test_the_folder_is_found_once_it_is_named(folder):
    with pytest.raises(ValueError, match=r'"questions"'):
        md.check(load(QUESTION).solution)
    assert md.check.use(folder) == ["q_sample"]
    assert md.check(load(QUESTION).solution).passed
    assert "q_sample" in md.check.exercises()
    with pytest.raises(ValueError, match="graded"):
        md.check.solution()
    with pytest.raises(FileNotFoundError, match="no exercises in"):
        md.check.use(folder / "nowhere")


def test_hidden_inputs_are_not_in_the_sheet(folder):
    with pytest.raises(ValueError, match="seed 7: those inputs are hidden"):
        answers(load(folder / QUESTION.name), 7)


def test_sheet_that_is_missing_damaged_or_not_its_own_is_named(folder):
    sheet = folder / "q_sample.safetensors"
    exercise = load(folder / QUESTION.name)
    whole = sheet.read_bytes()
    sheet.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"q_sample.safetensors is damaged"):
        climb(exercise, lambda x_0, t, schedule, noise: x_0)
    save_file({"x": torch.zeros(1)}, sheet)
    with pytest.raises(ValueError, match=r"q_sample.safetensors is damaged"):
        climb(exercise, lambda x_0, t, schedule, noise: x_0)
    sheet.unlink()
    with pytest.raises(FileNotFoundError, match=r"answer sheet q_sample.safetensors is missing"):
        climb(exercise, lambda x_0, t, schedule, noise: x_0)
    sheet.write_bytes(whole)
    text = (folder / QUESTION.name).read_text(encoding="utf-8")
    (folder / QUESTION.name).write_text(
        text.replace("t = 500", "t = 499").replace("[500]", "[499]")
    )
    with pytest.raises(ValueError, match="made for other inputs"):
        climb(load(folder / QUESTION.name), lambda x_0, t, schedule, noise: x_0)


def test_a_sheet_that_was_exchanged_is_read_again(folder):
    exercise, right = load(folder / QUESTION.name), load(QUESTION).solution
    assert climb(exercise, right).passed
    sheet = folder / "q_sample.safetensors"
    sheet.write_bytes(sheet.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"q_sample.safetensors is damaged"):
        climb(exercise, right)


def test_a_file_that_was_changed_twice_in_a_second_is_read_as_it_is(folder, monkeypatch):
    """Python keeps bytecode under the second of the last change and the size of the file."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = folder / QUESTION.name
    text = file.read_text(encoding="utf-8")
    for k, name in enumerate(("one picture, t = 500", "one picture, t = 499")):
        file.write_text(text.replace("one picture, t = 500", name), encoding="utf-8")
        os.utime(file, ns=(k, 10**18 + k))
        assert load(file).inputs(0)[0].name == name


def test_sheet_of_other_weights_is_noticed(folder):
    """The inputs of this question are modules; their weights tell whether they are the same."""
    question = ROOT / "assignments" / "03_unet_and_training" / "questions" / "ema_update.py"
    text = stripped(question.read_text(encoding="utf-8"))
    write_sheet(load(question), folder / "ema_update.safetensors")
    file = folder / "ema_update.py"
    file.write_text(text, encoding="utf-8")
    answers(load(file), 0)
    other = text.replace("generator=generator)", "generator=generator.manual_seed(9))")
    assert other != text
    file.write_text(other, encoding="utf-8")
    with pytest.raises(ValueError, match="made for other inputs"):
        answers(load(file), 0)


def test_sheets_hold_the_visible_inputs_alone(folder):
    exercise = load(folder / QUESTION.name)
    for seed in SEEDS:
        ours, theirs = answers(load(QUESTION), seed), answers(exercise, seed)
        for a, b in zip(ours, theirs, strict=True):
            assert a.case.name == b.case.name
            assert torch.equal(a.expected.values[""], b.expected.values[""])


def test_file_without_an_exercise_is_named(folder):
    shutil.copy(QUESTION, folder / "other.py")
    (folder / "empty.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"empty.py makes no EXERCISE"):
        load(folder / "empty.py")

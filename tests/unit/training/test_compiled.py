"""train(compile=...): whether it pays, what happens where it fails, and that a stopped run goes on as it was.

torch.compile itself is asked for the backend "eager", which traces and compiles nothing; a slow test takes
the real one.
"""

import functools
import shutil
import sys

import pytest
import torch
from torch import nn

import minidiff as md
from minidiff.base.files import CHECKPOINT, load_checkpoint
from minidiff.training import compiled
from minidiff.training.compiled import (
    COST,
    GAIN,
    MARGIN,
    TURNS,
    WORTH,
    can_compile,
    compile_network,
    pays,
    times_as_fast,
)

CPU = torch.device("cpu")
ENOUGH = {precision: MARGIN * COST / gain for precision, gain in GAIN.items()}  # seconds left
POINTS = torch.randn(64, 2, generator=md.seeded(0))
ALGORITHM = sys.modules["minidiff.training.algorithm"]


class Own(nn.Module):
    """A student's network: it compiles, but nobody here knows that."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x, t):
        return self.layer(x)


@pytest.fixture(autouse=True)
def traced(monkeypatch):
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))


@pytest.fixture
def compiler(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


@pytest.fixture
def always(monkeypatch):
    """It is found to pay, whatever is left, and to be faster; how many seconds were left each time."""
    asked = []
    monkeypatch.setattr(ALGORITHM, "times_as_fast", lambda *_: 2.0)
    monkeypatch.setattr(
        ALGORITHM, "pays", lambda net, device, precision, left: not asked.append(left)
    )
    return asked


def points_run(net=None, steps=110, **changed):
    net = md.MLP(2, width=8, depth=1) if net is None else net
    options = {
        "schedule": md.linear_schedule(20, 0.01, 0.3),
        "batch": 8,
        "device": "cpu",
        "progress": False,
    }
    return md.train(net, POINTS, steps=steps, **{**options, **changed})


def weights(run):
    return torch.cat([weight.flatten() for weight in run.raw_net.parameters()])


@pytest.mark.parametrize(
    ("precision", "more", "net", "expected"),
    [
        *[(precision, 1, md.MLP, True) for precision in GAIN],
        *[(precision, -1, md.MLP, False) for precision in GAIN],
        ("bf16", 1, Own, False),
    ],
)
def test_it_pays_in_a_long_run_of_a_network_of_ours(compiler, precision, more, net, expected):
    assert pays(net(), CPU, precision, ENOUGH[precision] + more) is expected


def test_a_gpu_is_quick_in_either_precision(monkeypatch):
    monkeypatch.setattr(compiled, "can_compile", lambda device: True)
    for left, expected in ((ENOUGH["bf16"] + 1, True), (ENOUGH["bf16"] - 1, False)):
        assert pays(md.MLP(), torch.device("cuda"), "fp32", left) is expected


def test_it_pays_nowhere_without_a_compiler(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not pays(md.MLP(), CPU, "bf16", 10 * ENOUGH["bf16"])


@pytest.mark.parametrize(
    ("named", "there", "expected"),
    [
        (None, "g++", True),
        (None, "clang++", True),
        (None, "c++-of-mine", False),
        ("c++-of-mine", "c++-of-mine", True),
        ("c++-of-mine", "g++", False),
    ],
)
def test_a_compiler_for_the_cpu(monkeypatch, named, there, expected):
    monkeypatch.delenv("CXX", raising=False)
    if named:
        monkeypatch.setenv("CXX", named)
    monkeypatch.setattr(shutil, "which", lambda name: name if name == there else None)
    assert can_compile(CPU) is expected


def test_for_a_gpu_it_is_triton(monkeypatch):
    for found in (None, object()):
        monkeypatch.setattr(compiled.importlib.util, "find_spec", lambda name, found=found: found)
        assert can_compile(torch.device("cuda")) is (found is not None)
        assert not can_compile(torch.device("mps"))


def test_a_run_that_asks_for_it_is_compiled_from_its_second_step_on():
    plain, run = points_run(steps=5, compile=False), points_run(steps=5, compile=True)
    assert (plain.compiled, run.compiled) == (False, True)
    assert run.losses[0] == plain.losses[0]
    torch.testing.assert_close(weights(run), weights(plain), atol=1e-6, rtol=1e-5)


def test_a_short_run_never_is(compiler):
    assert not points_run().compiled


def test_auto_looks_after_a_hundred_steps_at_what_is_left(always):
    assert not points_run(steps=100).compiled
    assert not always
    run = points_run(steps=400)
    assert run.compiled
    assert len(always) == 1
    assert 0 < always[0] < run.seconds * 10


def test_auto_looks_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        ALGORITHM, "pays", lambda net, device, precision, left: bool(asked.append(left))
    )
    assert not points_run(steps=250).compiled
    assert len(asked) == 1


@pytest.mark.parametrize(("gain", "kept"), [(WORTH, True), (WORTH - 0.01, False)])
def test_auto_keeps_what_is_faster(always, monkeypatch, capsys, tmp_path, gain, kept):
    plain = points_run(steps=300, compile=False)
    monkeypatch.setattr(ALGORITHM, "times_as_fast", lambda *_: gain)
    run = points_run(steps=300, progress=True, out=tmp_path, checkpoint_every=100)
    said = capsys.readouterr()
    assert run.compiled is kept
    assert ("no faster here" in said.out + said.err) is not kept
    assert len(always) == 1  # and it is not tried again
    assert load_checkpoint(tmp_path / CHECKPOINT)["compiling"] is kept
    if not kept:
        assert torch.equal(weights(run), weights(plain))


def test_who_asks_for_it_gets_it_however_fast(monkeypatch):
    monkeypatch.delattr(ALGORITHM, "times_as_fast")
    assert points_run(steps=5, compile=True).compiled


def test_both_take_their_turn_and_the_fastest_time_of_each_counts(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(compiled.time, "perf_counter", lambda: clock[0])

    def try_out(net):
        order.append(net)
        busy = 100.0 if len(order) < 4 else 0.0  # other work on the machine
        clock[0] += busy + (2.0 if net is whole else 3.0)

    whole, net = nn.Identity(), nn.Identity()
    assert times_as_fast(whole, net, try_out, CPU) == pytest.approx(1.5)
    assert order == [whole, net] * TURNS


def test_all_processes_go_the_same_way(monkeypatch):
    """Where the compiler failed in one of them, none times what the others would wait for."""
    monkeypatch.delattr(ALGORITHM, "times_as_fast")
    training = object.__new__(ALGORITHM.Training)
    training.task = type("Task", (), {"net": nn.Identity()})

    class InTwo(ALGORITHM.Processes):
        def mean(self, x):
            return (x + 0) / 2  # the other one has none

    training.processes = InTwo(CPU)
    assert not training.faster(nn.Identity())


def test_what_is_left_follows_the_steps_and_their_seconds(always, monkeypatch):
    monkeypatch.setattr(ALGORITHM.Clock, "seconds", lambda self: 7.0)
    points_run(steps=400)
    assert always == [pytest.approx(21.0)]  # 100 steps took 7 s, and 300 are left


def test_the_trial_leaves_nothing_behind(monkeypatch):
    """The network is used once, and stays what it was: weights, gradients, draws, dropout."""
    tried = []

    def only_tried(net, try_out, *, insist):
        state = torch.get_rng_state()
        try_out(net)
        tried.append(torch.equal(state, torch.get_rng_state()))
        assert all(weight.grad is None for weight in net.parameters())
        return net

    def network():
        return md.TinyUNet(1, width=4, multipliers=(1,), dropout=0.5)

    pictures = torch.rand(16, 1, 4, 4, generator=md.seeded(1)) * 2 - 1
    options = {
        "schedule": md.linear_schedule(20, 0.01, 0.3),
        "steps": 4,
        "batch": 4,
        "accumulate": 2,
    }
    options |= {"device": "cpu", "progress": False, "precision": "fp32"}
    plain = md.train(network(), pictures, compile=False, **options)
    monkeypatch.setattr(ALGORITHM, "compile_network", only_tried)
    run = md.train(network(), pictures, compile=True, **options)
    assert tried == [True]
    assert torch.equal(weights(run), weights(plain))


def refuse(*arguments, **options):
    raise OSError("no such compiler: c++-of-mine")


def test_where_it_fails_the_training_goes_on_without(always, monkeypatch):
    plain = points_run(compile=False)
    monkeypatch.setattr(ALGORITHM.Training, "try_out", refuse)
    with pytest.warns(
        UserWarning, match=r"cannot compile MLP here.*no such compiler.*goes on without"
    ):
        run = points_run()
    assert not run.compiled
    assert torch.equal(weights(run), weights(plain))


@pytest.mark.parametrize("insist", [False, True])
def test_an_alarm_that_rings_while_it_compiles_ends_the_training(monkeypatch, insist):
    """A limit on time that somebody has set is not taken for a compiler that fails, also inside of it."""

    def ring(self, net):
        try:
            raise TimeoutError("the time is over")
        except TimeoutError as error:
            raise RuntimeError("backend failed") from error

    monkeypatch.setattr(ALGORITHM.Training, "try_out", ring)
    monkeypatch.setattr(ALGORITHM, "pays", lambda *_: True)
    with pytest.raises(RuntimeError, match=r"^backend failed$"):
        points_run(compile=True if insist else "auto")


def test_who_asked_for_it_is_told(monkeypatch):
    monkeypatch.setattr(ALGORITHM.Training, "try_out", refuse)
    with pytest.raises(RuntimeError, match=r"no such compiler.*leave out compile=True"):
        points_run(steps=5, compile=True)


def test_a_fault_of_the_loss_is_not_called_one_of_the_compiler():
    def loss(net, x_0, schedule, *, generator):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        points_run(loss=loss, compile=True)


def test_a_network_that_is_compiled_already_is_left_so():
    net = torch.compile(md.MLP(2, width=8, depth=1))
    assert compile_network(net, refuse, insist=True) is net


def test_a_network_of_ours_is_compiled_as_a_whole_anybody_elses_in_pieces(monkeypatch):
    asked = {}
    monkeypatch.setattr(
        torch, "compile", lambda net, fullgraph: asked.setdefault(type(net), fullgraph)
    )
    for net in (md.MLP(), Own()):
        compile_network(net, lambda whole: None, insist=True)
    assert asked == {md.MLP: True, Own: False}


def interrupted_after(calls):
    """A loss that stands for somebody who stops the run."""
    left = [calls]

    def loss(net, x_0, schedule, *, generator):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return md.simple_loss(net, x_0, schedule, generator=generator)

    return loss


@pytest.mark.parametrize("asked", [True, "auto"])
def test_a_stopped_run_ends_as_if_it_had_not_been_stopped(asked, always, tmp_path):
    whole = points_run(steps=130, compile=asked, loss=interrupted_after(1000))
    # stopped right after it was compiled, and long before the next checkpoint was due
    calls = 105 if asked == "auto" else 10
    with pytest.raises(KeyboardInterrupt):
        points_run(steps=130, compile=asked, loss=interrupted_after(calls), out=tmp_path)
    assert load_checkpoint(tmp_path / CHECKPOINT)["compiling"] is True
    always.clear()
    run = points_run(steps=130, compile=asked, loss=interrupted_after(1000), out=tmp_path)
    assert run.compiled
    assert not always  # it is not asked again
    assert torch.equal(weights(run), weights(whole))


def test_it_goes_on_compiled_from_its_first_step(tmp_path):
    seen = []

    def loss(net, x_0, schedule, *, generator):
        seen.append(isinstance(net, torch._dynamo.OptimizedModule))
        if len(seen) == 5:
            raise KeyboardInterrupt
        return md.simple_loss(net, x_0, schedule, generator=generator)

    with pytest.raises(KeyboardInterrupt):
        points_run(steps=6, compile=True, loss=loss, out=tmp_path, checkpoint_every=2)
    assert seen == [False, True, True, True, True]  # a step, the trial, and steps
    points_run(steps=6, compile=True, loss=loss, out=tmp_path, checkpoint_every=2)
    assert all(seen[5:])


def test_a_run_that_was_not_compiled_stays_so_but_where_it_is_made_longer(tmp_path, monkeypatch):
    assert not points_run(steps=120, out=tmp_path).compiled
    monkeypatch.setattr(ALGORITHM, "pays", lambda net, device, precision, left: True)
    monkeypatch.setattr(ALGORITHM, "times_as_fast", lambda *_: 2.0)
    assert not points_run(steps=120, out=tmp_path).compiled
    assert points_run(steps=220, out=tmp_path, extend=True).compiled


def test_another_word_for_it_is_another_training(tmp_path):
    points_run(steps=5, out=tmp_path, compile=False)
    with pytest.raises(ValueError, match="compile: False in the folder, True now"):
        points_run(steps=5, out=tmp_path, compile=True)


def test_a_checkpoint_from_before_there_was_a_choice_goes_on_uncompiled(tmp_path, always):
    with pytest.raises(KeyboardInterrupt):
        points_run(out=tmp_path, loss=interrupted_after(60), checkpoint_every=50)
    saved = load_checkpoint(tmp_path / CHECKPOINT)
    del saved["compiling"], saved["settings"]["compile"]
    md.base.files.save_checkpoint(tmp_path / CHECKPOINT, saved)
    assert not points_run(out=tmp_path, loss=interrupted_after(1000), checkpoint_every=50).compiled


def test_the_bar_says_why_it_stands_still(always, capsys):
    points_run(progress=True)
    said = capsys.readouterr()
    assert "The network is compiled, once" in said.out + said.err
    assert "no faster" not in said.out + said.err


@pytest.mark.parametrize("wrong", ["yes", None, 2])
def test_other_words_are_refused(wrong):
    with pytest.raises(ValueError, match="compile must be one of 'auto', True, False"):
        points_run(compile=wrong)


@pytest.mark.slow
@pytest.mark.skipif(not can_compile(CPU), reason="no C++ compiler")
def test_with_the_real_compiler_a_stopped_run_ends_the_same(tmp_path, monkeypatch):
    monkeypatch.undo()  # torch.compile as it is
    whole = points_run(steps=40, compile=True, loss=interrupted_after(1000))
    with pytest.raises(KeyboardInterrupt):
        points_run(
            steps=40, compile=True, loss=interrupted_after(25), out=tmp_path, checkpoint_every=10
        )
    run = points_run(
        steps=40, compile=True, loss=interrupted_after(1000), out=tmp_path, checkpoint_every=10
    )
    assert run.compiled
    assert torch.equal(weights(run), weights(whole))

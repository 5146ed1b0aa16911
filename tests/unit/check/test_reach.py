"""Out of reach: whoever is not the library is refused, and the library works as always."""

import functools
import inspect
import threading

import pytest
import torch
from torch import nn

import minidiff as md
from minidiff.base.contracts import CONTRACTS, contract, unchecked
from minidiff.check import Case, Exercise
from minidiff.check.calls import own_error
from minidiff.check.ladder import climb
from minidiff.check.reach import OutOfReachError, out_of_reach
from minidiff.nn.blocks import ResBlock

SCHEDULE = md.linear_schedule()
X = torch.linspace(-1, 1, 8).reshape(2, 1, 2, 2)
NOISE = torch.linspace(1, 2, 8).reshape(2, 1, 2, 2)
ARGS = (X, 5, SCHEDULE, NOISE)
TIMES = torch.tensor([3, 700])


def jumped(x):
    """One picture without a batch, as vmap hands it over."""
    return unchecked(md.q_sample)(x[None], 5, SCHEDULE, noise=x[None])


class Held:
    """A student's class that keeps the function."""

    jump = staticmethod(md.q_sample)


def agreed_again(function):
    """Under a contract of a student's making; the library's list of contracts keeps its own."""
    own = dict(CONTRACTS)
    made = contract("")(function)
    CONTRACTS.update(own)
    return made


WAYS = {
    "taken earlier": md.q_sample,
    "by its module": lambda *args: md.chain.forward.q_sample(*args),
    "by keywords": lambda x, t, s, noise: md.q_sample(x_0=x, t=t, schedule=s, noise=noise),
    "unchecked": unchecked(md.q_sample),
    "what a contract wraps": md.q_sample.__wrapped__,
    "under another contract": agreed_again(md.q_sample),
    "unchecked, under another contract": agreed_again(unchecked(md.q_sample)),
    "partial": functools.partial(md.q_sample, X),
    "cached": functools.lru_cache(md.q_sample),
    "in a class": Held.jump,
    "map": lambda *args: list(map(md.q_sample, *([arg] for arg in args))),
    "vmap": lambda x, *_: torch.func.vmap(unchecked(md.q_sample), (0, None, None, 0))(
        x, 5, SCHEDULE, x
    ),
    "inside vmap": lambda x, *_: torch.func.vmap(jumped)(x),
    "in a string": lambda *args: eval("md.q_sample(*args)", {"md": md, "args": args}),
    "in a notebook's cell": lambda *args: eval(
        compile("md.q_sample(*args)", "<ipython-input-3>", "eval"), {"md": md, "args": args}
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_refused_and_runs_again_afterwards(way):
    call = WAYS[way]
    args = ARGS[1:] if way == "partial" else ARGS
    with out_of_reach(["minidiff.q_sample"]), pytest.raises(OutOfReachError, match="own version"):
        call(*args)
    call(*args)


def test_refused_in_a_thread_of_the_students():
    said = []

    def run(*args):
        try:
            md.q_sample(*args)
        except OutOfReachError as error:
            said.append(error)

    def refused(target, args):
        thread = threading.Thread(target=target, args=args)
        thread.start()
        thread.join()

    with out_of_reach(["minidiff.q_sample"]):
        refused(run, ARGS)
        hook, threading.excepthook = threading.excepthook, lambda args: said.append(args.exc_value)
        try:
            refused(md.q_sample, ARGS)  # nobody but the thread calls it
        finally:
            threading.excepthook = hook
    assert [type(error) for error in said] == [OutOfReachError] * 2


def test_refused_inside_what_the_library_calls():
    def net(x, t):
        return md.q_sample(x, 5, SCHEDULE, noise=x)

    with out_of_reach(["minidiff.q_sample"]), pytest.raises(OutOfReachError):
        md.simple_loss(net, X, SCHEDULE)


# ---- the library goes on ---------------------------------------------------------------------


def echo(x, t):
    return x.sin()


USES = {
    "a loss, which calls it unchecked": (
        ["minidiff.q_sample"],
        lambda: md.simple_loss(echo, X, SCHEDULE, t=TIMES, noise=NOISE),
    ),
    "a walk, which is a generator": (
        ["minidiff.sample_step", "minidiff.sampling_times", "minidiff.convert"],
        lambda: md.ddim_sample(echo, SCHEDULE, X.shape, steps=3, generator=md.seeded(0)),
    ),
    "a schedule, which makes another": (
        ["minidiff.NoiseSchedule.__init__"],
        lambda: md.rescale_zero_terminal_snr(md.cosine_schedule(20)).alpha_bar,
    ),
    "a property that asks another": (
        ["minidiff.Elbo.bits_per_dim"],
        lambda: torch.tensor(terms().standard_error),
    ),
    "a table that asks a property": (
        ["minidiff.NoiseSchedule.snr"],
        lambda: md.loss_weights(SCHEDULE, "large"),
    ),
    "a network, by way of torch": (
        ["minidiff.nn.blocks.ResBlock.forward", "minidiff.nn.ConditionEmbedding.forward"],
        lambda: small()(torch.zeros(1, 1, 8, 8), 3),
    ),
}


@functools.cache
def small():
    return md.TinyUNet(width=8, multipliers=(1, 2), seed=1)


def terms():
    n = torch.arange(2.0) + 1
    return md.Elbo(n, torch.zeros(2, 4), n, torch.zeros(2, 4), 4, "small", "density")


@pytest.mark.parametrize("use", USES)
def test_the_library_uses_it_as_always(use):
    names, run = USES[use]
    before = run()
    with out_of_reach(names):
        assert torch.equal(run(), before)


def test_the_librarys_errors_are_as_always():
    with (
        out_of_reach(["minidiff.NoiseSchedule.__init__"]),
        pytest.raises(ValueError, match="T must"),
    ):
        md.linear_schedule(0)


# ---- methods, modules, properties ------------------------------------------------------------


class Own(nn.Module):
    """A student's block that is the library's in disguise."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, c):
        return self.inner(x, c)


class Chain(nn.Sequential):
    """torch's own loop calls the second one; the first takes two arguments."""

    def forward(self, x, c):
        return super().forward(x)


class Alone(ResBlock):
    """A student's subclass."""

    def forward(self, x, c=None):
        return super().forward(x, torch.zeros(1, 3))


def test_modules_refuse_a_students_block():
    x, c = torch.zeros(1, 4, 2, 2), torch.zeros(1, 3)
    block = ResBlock(4, 4, 3, groups=2)
    one = Alone(4, 4, 3, groups=2)
    for module in (block, Own(block), Own(Own(block)), one, Chain(one), block.forward):
        module(x, c)
        with (
            out_of_reach(["minidiff.nn.blocks.ResBlock.forward"]),
            pytest.raises(OutOfReachError),
        ):
            module(x, c)


def test_a_students_network_is_refused_inside_a_loss():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = ResBlock(1, 1, 3, groups=1)

        def forward(self, x, t):
            return self.block(x, torch.zeros(len(x), 3))

    net = Net()
    md.simple_loss(net, X, SCHEDULE)
    with out_of_reach(["minidiff.nn.blocks.ResBlock.forward"]), pytest.raises(OutOfReachError):
        md.simple_loss(net, X, SCHEDULE)


@pytest.mark.parametrize("name", ["minidiff.Elbo.bits_per_dim", "minidiff.Elbo.bits_per_dim.fget"])
def test_properties_refuse(name):
    made = terms()
    with out_of_reach([name]), pytest.raises(OutOfReachError):
        _ = made.bits_per_dim
    assert made.bits_per_dim.shape == (2,)


def test_constructors_refuse_subclasses_too():
    class Mine(md.NoiseSchedule):
        pass

    with out_of_reach(["minidiff.NoiseSchedule.__init__"]):
        for make in (md.NoiseSchedule, Mine):
            with pytest.raises(OutOfReachError):
                make([0.1, 0.2])
    assert Mine([0.1, 0.2]).T == 2


# ---- coming and going ------------------------------------------------------------------------


def state(function):
    return (function.__code__, function.__defaults__, function.__kwdefaults__, dict(vars(function)))


def test_all_is_put_back():
    functions = [md.q_sample, unchecked(md.q_sample), md.simple_loss, unchecked(md.simple_loss)]
    before = [state(function) for function in functions]
    signature = inspect.signature(md.simple_loss)
    with out_of_reach(["minidiff.q_sample", "minidiff.simple_loss"]):
        assert all(state(f)[0] is not was[0] for f, was in zip(functions, before, strict=True))
        assert inspect.signature(md.simple_loss) == signature
    assert [state(function) for function in functions] == before
    with pytest.raises(ZeroDivisionError), out_of_reach(["minidiff.q_sample"]):
        _ = 1 / 0
    assert [state(function) for function in functions] == before


def test_nothing_is_touched_while_nothing_is_out_of_reach():
    before = state(md.q_sample)
    with out_of_reach([]):
        assert state(md.q_sample)[0] is before[0]


def test_stretches_may_lie_inside_one_another_and_end_in_any_order():
    outer, inner = out_of_reach(["minidiff.q_sample"]), out_of_reach(["minidiff.q_sample"] * 2)
    loss = md.simple_loss(echo, X, SCHEDULE, t=TIMES, noise=NOISE)
    outer.__enter__()
    inner.__enter__()
    for end in (outer, inner):
        with pytest.raises(OutOfReachError):
            md.q_sample(*ARGS)
        assert md.simple_loss(echo, X, SCHEDULE, t=TIMES, noise=NOISE) == loss
        end.__exit__(None, None, None)
    md.q_sample(*ARGS)


@pytest.mark.parametrize(
    "name", ["minidiff.nothing", "minidiff.Elbo", "nowhere.q_sample", "minidiff"]
)
def test_names_that_lead_to_no_function(name):
    before = state(md.q_sample)
    with (
        pytest.raises(ValueError, match=rf"{name} is no Python function"),
        out_of_reach(["minidiff.q_sample", name]),
    ):
        pass
    assert state(md.q_sample) == before


def test_inputs_are_made_and_errors_shown_with_the_library_in_reach():
    exercise = Exercise("jump", "", "jump(x_0, t, schedule, noise)", "eq-nice", hints=())
    exercise.practice, exercise.out_of_reach = False, ("minidiff.q_sample",)

    @exercise.cases
    def cases(generator):
        return [Case("one", (md.q_sample(*ARGS), *ARGS[1:]))]

    @exercise.reference
    def solution(x_0, t, schedule, noise):
        alpha_bar = schedule.alpha_bar[t]
        return (alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * noise).float()

    assert climb(exercise, solution).passed
    for theirs in (md.q_sample, unchecked(md.q_sample), lambda *args: md.q_sample(*args)):
        assert "own version" in climb(exercise, theirs).message
        assert "OutOfReachError" in own_error(exercise, theirs)

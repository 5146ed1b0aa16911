"""Random draws: from the caller's generator, on its device, slice by slice."""

import itertools

import pytest
import torch

import minidiff as md
from minidiff.base.rng import BatchSlice, rand, randint, randn

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def gen(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def test_the_draws_are_torchs():
    assert torch.equal(randn((2, 3), gen()), torch.randn(2, 3, generator=gen()))
    assert torch.equal(rand((2, 3), gen()), torch.rand(2, 3, generator=gen()))
    assert torch.equal(randint(1, 6, (50,), gen()), torch.randint(1, 7, (50,), generator=gen()))


def test_randint_reaches_both_ends_and_no_further():
    drawn = randint(1, 3, (200,), gen())
    assert drawn.dtype == torch.int64
    assert drawn.unique().tolist() == [1, 2, 3]


@pytest.mark.parametrize("device", DEVICES)
def test_a_cpu_generator_gives_every_device_the_same_numbers(device):
    draws = [
        lambda d: randn((3, 2), gen(), d),
        lambda d: rand((3, 2), gen(), d),
        lambda d: randint(0, 9, (3, 2), gen(), d),
        lambda d: randn((3, 2), BatchSlice(gen(), 0, 5), d),
    ]
    for draw in draws:
        there = draw(device)
        assert there.device.type == device
        assert torch.equal(there.cpu(), draw("cpu"))


@pytest.mark.parametrize("device", DEVICES)
def test_a_generator_of_a_device_draws_there(device):
    """Its numbers come to the CPU too: the generator says where they are drawn, not where they go."""
    there = randn((3, 2), gen(0, device), device)
    assert torch.equal(randn((3, 2), gen(0, device), "cpu"), there.cpu())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_coarse_types_round_the_numbers_of_float32(dtype):
    assert torch.equal(randn((50,), gen(), dtype=dtype), randn((50,), gen()).to(dtype))


def test_doubles_are_drawn_as_doubles():
    drawn = randn((50,), gen(), dtype=torch.float64)
    assert torch.equal(drawn, torch.randn(50, generator=gen(), dtype=torch.float64))
    assert not torch.equal(drawn, drawn.float().double())


@pytest.mark.parametrize("draw", [randn, rand, lambda shape, g: randint(0, 9, shape, g)])
def test_the_slices_of_a_batch_make_the_whole(draw):
    whole = draw((7, 2), gen())
    cut = [0, 3, 4, 7]
    parts = [
        draw((end - start, 2), BatchSlice(gen(), start, 7))
        for start, end in itertools.pairwise(cut)
    ]
    assert torch.equal(torch.cat(parts), whole)


def test_a_slice_leaves_the_generator_where_the_whole_does():
    whole, part = gen(), gen()
    randn((7, 2), whole)
    randn((2, 2), BatchSlice(part, 3, 7))
    assert torch.equal(whole.get_state(), part.get_state())


def test_a_slice_past_the_end_is_refused():
    with pytest.raises(ValueError, match=r"rows 5\.\.7 were asked for, .* has only 7"):
        randn((3, 2), BatchSlice(gen(), 5, 7))


@pytest.mark.parametrize("draw", [randn, rand, lambda shape, g: randint(0, 999, shape, g)])
def test_a_list_gives_each_example_its_own(draw):
    alone = [draw((1, 2, 3), gen(seed)) for seed in (5, 6, 7)]
    assert torch.equal(draw((3, 2, 3), [gen(5), gen(6), gen(7)]), torch.cat(alone))
    with pytest.raises(ValueError, match="generator is a list of 2, and 3 examples are drawn"):
        draw((3, 2), [gen(), gen()])


def test_a_picture_of_a_list_is_the_same_in_any_batch():
    schedule = md.linear_schedule(12, 0.05, 0.4)

    def drawn(*seeds):
        generators = [gen(seed) for seed in seeds]
        shape = (len(seeds), 1, 2, 2)
        return md.ddpm_sample(lambda x, t: 0.1 * x, schedule, shape, generator=generators)

    three, two = drawn(1, 2, 3), drawn(3, 1)
    assert torch.equal(three[[2, 0]], two)
    assert not torch.equal(three[0], three[1])

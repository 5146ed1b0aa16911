"""Networks in a real page: each operation, each network that draws, and walks from noise, against Python."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import minidiff as md
from minidiff.sampling.walk import sampling_times
from minidiff.viz.engine import halved, page_network, script_of
from minidiff.viz.hash_noise import normals
from minidiff.viz.widget import script

DRAWING = [name for name in md.available() if md.recipes.RECIPES[name].sample is not None]
ENGINE = script("hash_noise.js", "engine.js", "walks.js")
TOLD = "const told = {}; function minidiffNetwork(name, program, text) { told[name] = [program, text]; }"
READ = """const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const net = (name) => network(told[name][0], bytes(told[name][1]));"""


def numbers(x: torch.Tensor) -> list[float]:
    return x.flatten().tolist()


@pytest.fixture
def page(open_html: Callable) -> Callable[..., Any]:
    """A page with these networks."""

    def go(*scripts: str) -> Any:
        return open_html(
            "".join(f"<script>{code}</script>" for code in (ENGINE, TOLD, READ, *scripts))
        ).page

    return go


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=md.seeded(seed))


A, SMALL, TABLE = random(2, 6, 4, 4), random(1, 6, 1, 1, seed=1), random(5, 3, seed=2)
KERNEL, BIAS = random(4, 6, 3, 3, seed=3), random(6, seed=4)
OPERATIONS = {
    "add": ([A, SMALL], {}, A + SMALL),
    "multiply": ([SMALL, A], {}, A * SMALL),
    "silu": ([A], {}, F.silu(A)),
    "sin": ([A], {}, A.sin()),
    "cos": ([A], {}, A.cos()),
    "convolve": (
        [A, KERNEL, BIAS[:4]],
        {"stride": 1, "padding": 1},
        F.conv2d(A, KERNEL, BIAS[:4], 1, 1),
    ),
    "convolve ": ([A, KERNEL], {"stride": 2, "padding": 1}, F.conv2d(A, KERNEL, None, 2, 1)),
    "normalize": ([A, BIAS, BIAS], {"groups": 3, "eps": 1e-5}, F.group_norm(A, 3, BIAS, BIAS)),
    "linear": ([random(7, 3), TABLE, BIAS[:5]], {}, F.linear(random(7, 3), TABLE, BIAS[:5])),
    "linear ": ([random(7, 3), TABLE], {}, F.linear(random(7, 3), TABLE)),
    "matmul": ([A, A.mT.contiguous()], {}, A @ A.mT),
    "softmax": ([A], {}, A.softmax(-1)),
    "concatenate": ([A, A[:, :2]], {"dim": 1}, torch.cat([A, A[:, :2]], 1)),
    "rows": ([TABLE, torch.tensor([4.0, 0.0])], {}, TABLE[[4, 0]]),
    "permute": ([A], {"dims": [2, 0, 3, 1]}, A.permute(2, 0, 3, 1)),
    "part": ([A], {"dim": 1, "at": 4}, A[:, 4]),
    "double": ([A], {}, F.interpolate(A, scale_factor=2.0)),
}


def test_each_operation_does_what_torch_does(page: Callable) -> None:
    opened = page()
    known = opened.evaluate("Object.keys(OPERATIONS)")
    assert {name.strip() for name in OPERATIONS} == {*known}
    for name, (takes, how, expected) in OPERATIONS.items():
        values = [{"shape": list(x.shape), "data": numbers(x)} for x in takes]
        got = opened.evaluate(
            """([name, shape, values, how]) => [...OPERATIONS[name](shape,
                values.map(({ shape, data }) => ({ shape, data: Float32Array.from(data) })), how)]""",
            [name.strip(), list(expected.shape), values, how],
        )
        torch.testing.assert_close(
            torch.tensor(got),
            expected.reshape(-1),
            atol=1e-5,
            rtol=1e-5,
            msg=lambda m, n=name: f"{n}: {m}",
        )


def test_every_half_is_read(page: Callable) -> None:
    words = torch.arange(2**16, dtype=torch.int32).to(torch.uint16).view(torch.float16)
    finite = words[words.isfinite()]
    data = list(finite.numpy().tobytes())
    got = page().evaluate("(data) => [...halves(Uint8Array.from(data))]", data)
    assert got == finite.tolist()


@pytest.mark.parametrize("name", DRAWING)
def test_networks_answer_as_in_python(page: Callable, name: str) -> None:
    net, schedule = md.load(name)
    size = md.weights.example_shape(name)[-1]
    t = torch.tensor([300]) if schedule is not None else torch.tensor([0.3])
    inputs = (random(1, 1, size, size), t, torch.tensor([3]))
    with torch.no_grad():
        expected = halved(net)(*inputs)
    got = page(script_of(name, page_network(name))).evaluate(
        "([name, ...inputs]) => [...net(name)(...inputs.map((x) => Float32Array.from(x)))]",
        [name, *map(numbers, inputs)],
    )
    torch.testing.assert_close(torch.tensor(got), expected.reshape(-1), atol=1e-4, rtol=0)


def test_a_newer_wish_ends_the_walk_before_it(page: Callable) -> None:
    """Who drags a slider through ten values waits for one walk, not for ten."""
    code = script("hash_noise.js", "engine.js", "walks.js", "worker.js")
    got = page(script_of("digits16", page_network("digits16"))).evaluate(
        """(code) => new Promise((resolve) => {
            const worker = new Worker(URL.createObjectURL(new Blob([code])));
            const [program, weights] = told.digits16, came = [];
            const times = Array.from({ length: 51 }, (_, k) => 1000 - 20 * k);
            const alphaBar = Object.fromEntries(times.map((t) => [t, 1 - 0.999 * t / 1000]));
            const x = new Float32Array(256), chosen = { y: 3, none: 10, w: 0, eta: 0, seed: 1 };
            const wish = (number) => worker.postMessage({ wish: number, x, times, alphaBar, chosen });
            worker.onmessage = ({ data }) => {
                came.push(data.wish);
                if (came.length === 3) wish(2);
                if (data.wish === 2 && data.t === 900) { worker.terminate(); resolve(came); }
            };
            worker.postMessage({ program, weights });
            wish(1);
        })""",
        code,
    )
    assert got.count(1) < 10
    assert got == sorted(got)


@pytest.mark.parametrize(("eta", "w"), [(0.0, 1.0), (1.0, 0.0)])
def test_walks_end_in_the_same_picture(page: Callable, eta: float, w: float) -> None:
    """Twenty steps from the same noise, by the same fresh noise where there is any."""
    net, schedule = md.load("digits16")
    times, x = sampling_times(schedule.T, 20), normals(7, schedule.T, 1, 1, 16, 16).float()
    drawn = x
    model = md.classifier_free_guidance(halved(net), y=torch.tensor([3]), w=w)
    with torch.no_grad():
        for t, s in pairwise(times):
            fresh = normals(5, s, *x.shape).float()
            said = model(drawn, torch.tensor([t]))
            options = {"eta": eta, "clip": True, "noise": fresh}
            drawn, guess = md.sample_step(said, drawn, t, s, schedule, **options)
    chosen = {"y": 3, "none": net.null_label, "w": w, "eta": eta, "seed": 5}
    got = page(script_of("digits16", page_network("digits16"))).evaluate(
        """([times, alphaBar, chosen]) => {
            const x = Float32Array.from(normals(7, times[0], 256));
            const states = [...walkFromNoise(net('digits16'), x, times, alphaBar, chosen)];
            return states.map(({ t, x, guess }) => [t, [...x], guess && [...guess]]);
        }""",
        [times, schedule.alpha_bar.tolist(), chosen],
    )
    assert [t for t, _, _ in got] == times
    assert got[0][2] is None
    torch.testing.assert_close(torch.tensor(got[0][1]), x.reshape(-1), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.tensor(got[-1][1]), drawn.reshape(-1), atol=1e-3, rtol=0)
    torch.testing.assert_close(torch.tensor(got[-1][2]), guess.reshape(-1), atol=1e-3, rtol=0)

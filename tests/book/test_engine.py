"""Networks in a real page: each operation, each network that draws, and walks from noise, against Python."""

import base64
import json
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from films import FILMS
from firefox import ASK
from interactives import MAKERS

import minidiff as md
from minidiff.sampling.walk import sampling_times
from minidiff.viz import live_figure as live
from minidiff.viz.engine import halved, page_network, script_of
from minidiff.viz.hash_noise import normals
from minidiff.viz.walks import drawer, start
from minidiff.viz.widget import script

DRAWING = [name for name in md.available() if md.recipes.RECIPES[name].sample is not None]
ENGINE = script("hash_noise.js", "engine.js", "walks.js")
TOLD = "const told = {}; function minidiffNetwork(name, program, text) { told[name] = [program, text]; }"
READ = """const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), nets = {};
const net = (name) => nets[name] ??= network(told[name][0], bytes(told[name][1]));"""


def numbers(x: torch.Tensor) -> list[float]:
    return x.flatten().tolist()


@cache  # for both browsers
def of_shipped(name: str) -> str:
    """The script of a network that ships."""
    return script_of(name, page_network(name))


class ByJson:
    """A page of Chromium, asked as a tab of Firefox: arguments and answers go as one text, which is quick."""

    def __init__(self, page: Any):
        self._page = page

    def evaluate(self, code: str, argument: Any = None) -> Any:
        """An expression, or a function of the argument; promises are waited for."""
        return json.loads(self._page.evaluate(ASK % (code, json.dumps(argument))))


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One page with all networks that draw, in each browser; what a network becomes, it stays."""
    scripts = (ENGINE, TOLD, READ, *map(of_shipped, DRAWING))
    html = "".join(f"<script>{code}</script>" for code in scripts)
    file = tmp_path_factory.mktemp("engine") / "page.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{html}", encoding="utf-8")
    if request.param == "firefox":
        tab = request.getfixturevalue("firefox")
        tab.open(file.as_uri())
        yield tab
    else:
        page = request.getfixturevalue("browser").new_page()
        page.goto(file.as_uri(), wait_until="load")
        yield ByJson(page)
        page.close()


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


def test_each_operation_does_what_torch_does(page: Any) -> None:
    known = page.evaluate("Object.keys(OPERATIONS)")
    assert {name.strip() for name in OPERATIONS} == {*known}
    for name, (takes, how, expected) in OPERATIONS.items():
        values = [{"shape": list(x.shape), "data": numbers(x)} for x in takes]
        got = page.evaluate(
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


def test_every_half_is_read(page: Any) -> None:
    words = torch.arange(2**16, dtype=torch.int32).to(torch.uint16).view(torch.float16)
    finite = words[words.isfinite()]
    data = base64.b64encode(finite.numpy().tobytes()).decode()
    got = page.evaluate("(data) => [...halves(bytes(data))]", data)
    assert got == finite.tolist()


@pytest.mark.parametrize("name", DRAWING)
def test_networks_answer_as_in_python(page: Any, name: str) -> None:
    net, schedule = md.load(name)
    size = md.weights.example_shape(name)[-1]
    t = torch.tensor([300]) if schedule is not None else torch.tensor([0.3])
    inputs = (random(1, 1, size, size), t, torch.tensor([3]))
    with torch.no_grad():
        expected = halved(net)(*inputs)
    got = page.evaluate(
        "([name, ...inputs]) => [...net(name)(...inputs.map((x) => Float32Array.from(x)))]",
        [name, *map(numbers, inputs)],
    )
    torch.testing.assert_close(torch.tensor(got), expected.reshape(-1), atol=1e-4, rtol=0)


WORKER = script("hash_noise.js", "engine.js", "walks.js", "worker.js")
WORKING = """(code, ...names) => {
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    for (const name of names) worker.postMessage({ name, program: told[name][0], weights: told[name][1] });
    return worker;
}"""


def test_a_newer_wish_ends_the_walks_before_it(page: Any) -> None:
    """Who drags a slider through ten values waits for one walk, not for ten."""
    got = page.evaluate(
        f"""(code) => new Promise((resolve) => {{
            const worker = ({WORKING})(code, 'digits16'), came = [];
            const times = Array.from({{ length: 51 }}, (_, k) => 1000 - 20 * k);
            const alphaBar = Object.fromEntries(times.map((t) => [t, 1 - 0.999 * t / 1000]));
            const x = new Float32Array(256), chosen = {{ y: 3, none: 10, w: 0, eta: 0, seed: 1 }};
            const one = {{ network: 'digits16', x, times, alphaBar, chosen }};
            const walks = [0, 1].map((place) => ({{ ...one, place }}));
            const wish = (number) => worker.postMessage({{ wish: number, walks }});
            worker.onmessage = ({{ data }}) => {{
                came.push(data.wish);
                if (came.length === 3) wish(2);
                if (data.wish === 2 && data.state.t === 900) {{ worker.terminate(); resolve(came); }}
            }};
            wish(1);
        }})""",
        WORKER,
    )
    assert got.count(1) < 10
    assert got == sorted(got)


def test_walks_of_two_networks_go_side_by_side(page: Any) -> None:
    """One takes a step after the other, at its own times, by its own network."""
    diffusion, flow = (drawer(name) for name in ("digits16", "digits16_flow"))
    noise, steps = start(4, 1000, 1, 16), 3
    walks = [
        {
            "network": who.name,
            "x": numbers(noise),
            **who.plain((steps,))["walks"][steps],
            "chosen": {"y": 3, "none": 10, "w": 0, "eta": 0, "seed": 4},
        }
        for who in (diffusion, flow)
    ]
    got = page.evaluate(
        f"""([code, walks]) => new Promise((resolve) => {{
            const worker = ({WORKING})(code, 'digits16', 'digits16_flow'), came = [];
            worker.onmessage = ({{ data }}) => {{
                came.push([data.place, data.state.t, [...data.state.x]]);
                if (came.length === 2 * walks[0].times.length) {{ worker.terminate(); resolve(came); }}
            }};
            walks.forEach((one, place) => Object.assign(one, {{ place, x: Float32Array.from(one.x) }}));
            worker.postMessage({{ wish: 1, walks }});
        }})""",
        [WORKER, walks],
    )
    assert [place for place, _, _ in got] == [0, 1] * (steps + 1)
    for place, who in enumerate((diffusion, flow)):
        expected = who.walk(noise, label=3, steps=steps, w=0.0)
        for (_, t, x), state in zip(got[place::2], expected, strict=True):
            assert t == state.t
            torch.testing.assert_close(torch.tensor(x), state.x.reshape(-1), atol=1e-3, rtol=0)


# Who draws in pages, and how: every network that a figure may ask, by eta and w, and which of two pictures
# that share the fresh noise (without any, the second is drawn as the first).
WALKS = [
    ("digits16", 0, 8, 0),
    ("digits16", 0.25, 0, 1),
    ("digits28", 1, 1, 0),
    ("digits16_flow", 0, 1, 0),
]


def test_every_network_that_pages_ask_is_walked_with() -> None:
    figures = [make(**FILMS[name][0]) for name, make in MAKERS.items() if name.startswith("live_")]
    asked = {drawer.name for one in figures for drawer in one.drawers}
    assert asked | {*live.NETWORKS} == {name for name, *_ in WALKS}


@cache  # for both browsers
def by_hand(name: str, eta: float, w: float, place: int) -> tuple[list[float], Any, Any, Any]:
    """Twenty steps: the times, the first x, the last x and the last guess, by the library's own step."""
    net, schedule = md.load(name)
    size = md.weights.example_shape(name)[-1]
    noise = x = normals(7, 1000, 2, 1, size, size).float()[place : place + 1]
    model = md.classifier_free_guidance(halved(net), y=torch.tensor([3]), w=w)
    if schedule is None:
        *_, last = states = list(md.flow.flow_steps(model, x, 20))
        return [state.t for state in states], noise, last.x, last.data_hat
    times, guess = sampling_times(schedule.T, 20), None
    for t, s in pairwise(times):
        with torch.no_grad():
            said = model(x, torch.tensor([t]))
        fresh = normals(5, s, 2, *x.shape[1:]).float()[place : place + 1]
        x, guess = md.sample_step(said, x, t, s, schedule, eta=eta, clip=True, noise=fresh)
    return times, noise, x, guess


@pytest.mark.parametrize(("name", "eta", "w", "place"), WALKS)
def test_walks_end_in_the_same_pictures(
    page: Any, name: str, eta: float, w: float, place: int
) -> None:
    """One of two pictures, from the page's own noise, by the same fresh noise where there is any."""
    net, schedule = md.load(name)
    times, *expected = by_hand(name, eta, w, place)
    bars = None if schedule is None else schedule.alpha_bar.tolist()
    chosen = {"y": 3, "none": net.null_label, "w": w, "eta": eta, "seed": 5, "place": place}
    size = md.weights.example_shape(name)[-1]
    got_times, no_guess, *got = page.evaluate(
        """([name, n, times, bars, chosen]) => {
            const noise = normals(7, 1000, 2 * n).subarray(chosen.place * n, (chosen.place + 1) * n);
            const states = [...walkFromNoise(net(name), Float32Array.from(noise), times, bars, chosen)];
            const [first, last] = [states[0], states[states.length - 1]];
            return [states.map(({ t }) => t), first.guess, [...first.x], [...last.x], [...last.guess]];
        }""",
        [name, size * size, times, bars, chosen],
    )
    assert got_times == times
    assert no_guess is None
    for found, wanted in zip(got, expected, strict=True):
        torch.testing.assert_close(torch.tensor(found), wanted.reshape(-1), atol=1e-3, rtol=0)

"""What holds for the HTML of every interactive figure, without a browser."""

import base64
import hashlib
import html.parser
import json
import re
import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from interactives import CENTRES, CLASSES, MAKERS, figure, noise
from refusals import ARGUMENTS, CONTROLS, flat

SHARED = Path(__file__).resolve().parents[2] / "shared"
every_figure = pytest.mark.parametrize("name", MAKERS)

# What a figure says of itself.
SUMMARIES = {
    "beta_explorer": "noise schedule explorer, linear, T=1000",
    "noise_explorer": "forward process explorer, 10 pictures, T=1000",
    "reverse_explorer": "reverse process explorer, eight Gaussians and two moons, T=1000",
    "elbo_explorer": "ELBO explorer, linear, variance small, T=1000",
    "schedule_explorer": "schedule explorer, linear above cosine, T=1000",
    "ddim_explorer": "DDIM explorer, 2 pictures, 1, 2, 10, 25 steps, T=100",
    "guidance_field": "guidance field, 5 clouds of 3 classes, T=1000",
    "guidance_explorer": "guidance explorer, 30 samples each, w from 0 to 4",
    "flow_explorer": "flow explorer, eight Gaussians, ot path, 8 steps",
    "posterior_explorer": "posterior explorer, linear, T=25, t=12",
    "live_digits": "live digits, drawn by digits16",
    "live_walk": "live walk, one digit by DDPM in 50 steps, drawn by digits16",
    "live_ddim": "live DDIM, two digits 0.2 of the way apart, eta = 0, drawn by digits16",
    "live_guidance": "live guidance, four digits with w = 2, drawn by digits16",
    "live_flow": "live flow, beside diffusion, 2 steps",
}

# Some hold pictures: of every walk, or of the walks that are shown first.
LIMITS = {
    "ddim_explorer": 110_000,
    **dict.fromkeys(("live_walk", "live_ddim", "live_guidance", "live_flow"), 85_000),
}
# Tables that a page computes with.
DIGITS = {"ddim_explorer": 10, **{name: 12 for name in MAKERS if name.startswith("live_")}}

FIELD = {"means": CENTRES, "std": 0.3, "labels": CLASSES, "T": 50, "y": 1, "s": 2.5, "t": 20}

# Arguments that keep a figure small, and single changes to them.
SETTINGS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "beta_explorer": ({}, [{"T": 100}, {"schedule": "cosine"}, {"beta_T": 0.03}, {"s": 0.01}]),
    "noise_explorer": ({}, [{"seed": 1}, {"view": "compare"}, {"x_0": torch.zeros(1, 1, 8, 8)}]),
    "reverse_explorer": (
        {"means": torch.zeros(1, 2), "T": 25, "points": 10},
        [{}, {"means": CENTRES}, {"std": 0.3}, {"T": 30}, {"points": 11}, {"t": 5}],
    ),
    "elbo_explorer": (
        {},
        [{"T": 100}, {"std": 1}, {"variance": "large"}, {"axes": "linear"}, {"t": 5}],
    ),
    "schedule_explorer": (
        {},
        [
            *({"T": 500}, {"s": 0.01}, {"top": "sigmoid"}, {"bottom": "linear"}, {"t": 5}),
            *({"seed": 1}, {"x_0": torch.zeros(1, 1, 4, 4)}),
        ],
    ),
    "ddim_explorer": (
        {},
        [
            *({"steps": (1, 2, 10)}, {"etas": (0.0, 0.5)}, {"clip": True}),
            {"x_T": noise(2, 1, 16, 16, seed=1)},
        ],
    ),
    "guidance_field": (
        FIELD,
        [
            *({}, {"means": CENTRES + 0.1}, {"std": 0.2}, {"labels": 1 - CLASSES}, {"T": 60}),
            *({"y": 0}, {"s": 2}, {"t": 21}),
        ],
    ),
    "guidance_explorer": ({}, [{"w": 0.0}, {"focus": 1}, {"each": 1}, {"real": None}]),
    "flow_explorer": (
        {"means": torch.tensor([[0.5, 1.0]]), "steps": 5, "particle": 1},
        [
            *({}, {"means": CENTRES}, {"std": 0.3}, {"path": "vp"}, {"steps": 6}, {"t": 0.5}),
            *({"compare": "pairs"}, {"particle": 2}, {"points": 5}, {"seed": 2}),
        ],
    ),
    "posterior_explorer": (
        {},
        [{"T": 100}, {"x_0": 0.1}, {"x_t": 0.1}, {"t": 3}, {"schedule": "cosine"}],
    ),
    "live_digits": (
        {},
        [{"network": "digits28"}, {"label": 4}, {"w": 0.0}, {"steps": 10}, {"seed": 2}],
    ),
    "live_walk": (
        {"steps": 10},
        [{"network": "digits28"}, {"label": 4}, {"way": "DDIM"}, {}, {"seed": 2}],
    ),
    "live_ddim": (
        {"steps": 5},
        [
            *({"network": "digits28"}, {"label": 4}, {}, {"eta": 0.5}, {"noise": 2}),
            *({"share": 0.5}, {"seed": 2}),
        ],
    ),
    "live_guidance": ({"w": 0.0}, [{"network": "digits28"}, {"label": 4}, {}, {"seed": 2}]),
    "live_flow": ({}, [{"label": 4}, {"steps": 1}, {"seed": 2}]),
}


@every_figure
def test_html_is_self_contained_and_small(name):
    page = figure(name)._repr_html_()
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", page)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert not re.search(r"\b(fetch|import|XMLHttpRequest|WebSocket|sendBeacon|url)\b", page)
    assert len(page.encode()) < LIMITS.get(name, 60_000)
    assert page.count("<script>") == page.count("</script>") == 1


@every_figure
def test_html_has_the_agreed_frame(name):
    page = figure(name)._repr_html_()
    assert len(re.findall(rf'<div class="mdw mdw-{name}" data-mdw="[0-9a-f]{{12}}">', page)) == 1
    still = r"<noscript>(<!--computed-->)?<img class=\"mdw-static\" alt=\"[^\"]{40,}\" src=\"data:image/svg"
    assert len(re.findall(still, page)) == 1


@every_figure
def test_opened_and_not_run_a_notebook_shows_a_picture_and_how_to_move_it(name):
    """JupyterLab takes scripts, styles and drawings out of what it does not trust, and leaves the text."""
    page = figure(name)._repr_html_()
    left = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    left = re.sub(r"<!--.*?-->", "", left, flags=re.DOTALL)
    (image,) = re.findall(r"<img [^>]*>", left)
    assert (
        re.sub(r"<[^>]*>", "", left).strip() == "In a notebook, run this cell to move the figure."
    )
    address = re.search(r"svg\+xml;base64,([^\"]*)", image)[1]
    drawing = xml.etree.ElementTree.fromstring(base64.b64decode(address))
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(drawing.iter())) > 5


class Balance(html.parser.HTMLParser):
    """Collects tags that are closed in another order than they were opened."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.wrong.append(tag)


@every_figure
def test_html_is_balanced(name):
    parser = Balance()
    parser.feed(figure(name)._repr_html_())
    assert (parser.open, parser.wrong) == ([], [])


@every_figure
def test_it_says_what_it_is(name):
    assert repr(figure(name)) == f"<minidiff interactive figure: {SUMMARIES[name]}>"


@pytest.fixture(scope="module")
def from_another_process():
    """A hash of each figure's page by its name, from a process of its own."""
    code = (
        "import hashlib, json, interactives as i; "
        "print(json.dumps({name: hashlib.sha256(i.figure(name)._repr_html_().encode()).hexdigest() "
        "for name in i.MAKERS}))"
    )
    setup = f"import sys; sys.path.insert(0, {str(SHARED)!r}); "
    out = subprocess.run(
        [sys.executable, "-c", setup + code], capture_output=True, text=True, check=True
    )
    return json.loads(out.stdout)


@pytest.mark.slow
@every_figure
def test_html_is_the_same_in_another_process(name, from_another_process):
    here = hashlib.sha256(figure(name)._repr_html_().encode()).hexdigest()
    assert from_another_process[name] == here


@every_figure
def test_each_setting_has_its_own_key(name):
    base, changes = SETTINGS[name]
    made = [figure(name), *(MAKERS[name](**{**base, **change}) for change in changes)]
    keys = {re.search(r'data-mdw="(\w+)"', one._repr_html_())[1] for one in made}
    assert len(keys) == len(made) > 3


def numbers(data: Any) -> Iterator[float]:
    """All floats of a figure's data, but for what a network computed: that is not compared."""
    if isinstance(data, float):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            if key != "computed":
                yield from numbers(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from numbers(value)


@every_figure
def test_the_page_s_data_hold_no_last_bits(name):
    """Rounded numbers are the same on every processor, and there is no negative zero."""
    for value in numbers(figure(name)._data):
        assert value in (round(value, 5), float(f"{value:.{DIGITS.get(name, 3)}g}"))
        assert str(value) != "-0.0"


@pytest.mark.parametrize(("name", "arguments", "error", "words"), flat(ARGUMENTS))
def test_bad_arguments_are_named(name, arguments, error, words):
    with pytest.raises(error, match=words):
        MAKERS[name](**arguments)


@pytest.mark.parametrize(("name", "controls", "error", "words"), flat(CONTROLS))
def test_readout_refuses_what_a_control_cannot_say(name, controls, error, words):
    with pytest.raises(error, match=words):
        figure(name).readout(**controls)


@every_figure
def test_a_control_that_is_not_there_is_named_beside_those_that_are(name):
    there = ", ".join(figure(name).state)
    with pytest.raises(TypeError, match=rf"^there is no control 'seed'; there are {there}$"):
        figure(name).readout(seed=1)


# Where T can be chosen: what is shown first, another T, and the t that is as far along as the first.
SHARES = [
    ("beta_explorer", {"T": 1000}, 20, 10),
    ("elbo_explorer", {"T": 1000, "t": 20}, 500, 10),
    ("elbo_explorer", {"T": 1000, "t": 1}, 50, 1),  # never 0
    ("posterior_explorer", {"T": 1000, "t": 500}, 100, 50),
    ("posterior_explorer", {"T": 1000, "t": 3}, 25, 1),
    ("schedule_explorer", {"T": 200, "t": 51}, 1000, 255),
    ("schedule_explorer", {"T": 200, "t": 51}, 30, 8),  # 7.65
]


@pytest.mark.parametrize(("name", "first", "T", "t"), SHARES)
def test_another_T_keeps_t_at_its_share_of_the_way(name, first, T, t):
    widget = MAKERS[name](**first)
    assert widget.readout(T=T) == widget.readout(T=T, t=t)
    assert widget.readout(T=T) != widget.readout(T=T, t=t + 1)


def test_no_figure_is_left_out():
    assert MAKERS.keys() == SETTINGS.keys() == ARGUMENTS.keys() == CONTROLS.keys()
    assert {name for name, *_ in SHARES} == {name for name in MAKERS if "T" in figure(name).state}

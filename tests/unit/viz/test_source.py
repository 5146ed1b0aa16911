"""The body of a function as a notebook shows it: what is left out, what is kept, and how it looks."""

import ast
import functools
import html
import inspect
import io
import re
from contextlib import redirect_stdout

import pytest
import torch

import minidiff as md

source = md.viz.source

# ---- what the tests show: functions with something in them to leave out or to keep -----------------


def plain(
    x: torch.Tensor,  # not a part of the equation
    scale: float = 1e-3,
) -> torch.Tensor:
    """The docstring.

    # not a comment
    """
    # Why: above the first statement.

    y = x * scale  # beside one

    # between two
    return y
    # below the last


PLAIN = """\
def plain(x, scale=1e-3):
    # Why: above the first statement.

    y = x * scale  # beside one

    # between two
    return y
    # below the last"""


def checked(f):
    """A decorator as a contract is one."""

    @functools.wraps(f)
    def inner(*arguments, **options):
        raise AssertionError("the check")

    return inner


@checked
@functools.cache
@checked
def decorated(x):
    return 2 * x


def one_line(x): return 3 * x  # fmt: skip


def documented_only(x):
    """Nothing but words."""


def nested(x):
    """Docstring."""

    @checked
    def inner(y):
        """The docstring of something inside stays."""
        return y

    return inner(x)


async def waits(x):
    return x


def every_kind(a, b=(1, 2), /, c="x, y", *rest, d, e=None, **options):
    return a


def only_by_name(*, d):
    return d


def broken_default(a=(
    1,
    2,
)):  # fmt: skip
    return a


def exactly(an_argument, another_argument=0.123456, yet_another_one="a default", and_t=123, last=0):
    return last


def too_long(
    an_argument, another_argument=0.123456, yet_another_one="a default", and_t=123, last_=0
):
    return last_


class Whole:
    """A class whose objects are called."""

    def __call__(self, x):
        """Docstring."""
        text = """
at the very left
    and indented"""
        return text * x

    def twice(self, x: int) -> int:
        return 2 * x

    @staticmethod
    def bare(x):
        return x

    @classmethod
    def made(cls):
        return cls()


class Heir(Whole):
    def __call__(self, x):
        return super().__call__(x)


class Net(torch.nn.Module):
    def forward(self, x):
        return x + 1


class HeirOfNet(Net):
    pass


class Silent:
    def speak(self):
        return 1


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (plain, PLAIN),
        (decorated, "def decorated(x):\n    return 2 * x"),
        (one_line, "def one_line(x):\n    return 3 * x  # fmt: skip"),
        (documented_only, "def documented_only(x):\n    ..."),
        (
            nested,
            'def nested(x):\n    @checked\n    def inner(y):\n        """The docstring of something '
            'inside stays."""\n        return y\n\n    return inner(x)',
        ),
        (waits, "async def waits(x):\n    return x"),
        (
            every_kind,
            'def every_kind(a, b=(1, 2), /, c="x, y", *rest, d, e=None, **options):\n    return a',
        ),
        (only_by_name, "def only_by_name(*, d):\n    return d"),
        (broken_default, "def broken_default(a=(1, 2)):\n    return a"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_is_the_def_line_and_the_body_without_decorators_annotations_and_docstring(f, text):
    assert str(source(f)) == text


def test_the_def_line_is_wrapped_at_100_columns_below_the_first_argument():
    whole = str(source(exactly)).splitlines()
    assert [len(line) for line in whole] == [100, 15]
    first, second, body = str(source(too_long)).splitlines()
    assert first == (
        'def too_long(an_argument, another_argument=0.123456, yet_another_one="a default", and_t=123,'
    )
    assert second == "             last_=0):"
    assert body == "    return last_"


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (Whole.twice, "def twice(self, x):\n    return 2 * x"),
        (Whole().twice, "def twice(self, x):\n    return 2 * x"),
        (Whole.bare, "def bare(x):\n    return x"),
        (vars(Whole)["bare"], "def bare(x):\n    return x"),
        (Whole.made, "def made(cls):\n    return cls()"),
    ],
)
def test_a_method_stands_at_the_left(f, text):
    assert str(source(f)) == text


@pytest.mark.parametrize(
    ("kind", "method"),
    [(Whole, Whole.__call__), (Heir, Heir.__call__), (Net, Net.forward), (HeirOfNet, Net.forward)],
)
def test_a_class_shows_what_its_objects_do_when_they_are_called(kind, method):
    assert str(source(kind)) == str(source(method))
    assert source(kind).name == method.__qualname__


def test_lines_of_a_string_that_stand_at_the_left_stay_there():
    assert str(source(Whole)) == (
        'def __call__(self, x):\n    text = """\nat the very left\nand indented"""\n    return text * x'
    )


def from_a_string():
    space = {}
    exec("def made(x):\n    return x", space)
    return space["made"]


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (len, r"written in Python, got len \(builtin_function_or_method\)"),
        (3, r"a function, a method or a class that is written in Python, got 3 \(int\)"),
        ("q_sample", r"got 'q_sample' \(str\)"),
        (torch.relu, r"got relu \(builtin_function_or_method\)"),
        (torch.nn, r"got torch.nn \(module\)"),
        (int, "class int has neither forward nor __call__; give one of its methods"),
        (Silent, "class Silent has neither forward nor __call__; give one of its methods"),
        (lambda x: x, r"with def; this one is a lambda, in: +\(lambda x: x,"),
        (from_a_string(), "cannot find the text of made: it was made while the program ran"),
    ],
)
def test_what_has_no_source_is_named(f, words):
    with pytest.raises(TypeError, match=words):
        source(f)


def test_every_way_to_write_it_gives_the_text_and_nothing_else():
    shown = source(plain)
    out = io.StringIO()
    with redirect_stdout(out):
        print(shown)
    assert out.getvalue() == PLAIN + "\n"
    assert repr(shown) == str(shown) == shown.text == PLAIN
    from IPython.lib.pretty import pretty

    assert pretty(shown) == PLAIN
    assert str(source(every_kind)).count("0x") == 0


def in_the_page(shown):
    """The code as a reader of the page sees it, and the page."""
    page = shown._repr_html_()
    return re.search(r"<code>(.*)</code>", page, re.DOTALL)[1], page


def strings():
    return f"if {1:>2}" + 'it\'s' + r"\d" + """for <b> & "x" """ + b"not".decode()  # fmt: skip


def compared(a, b, c):
    return a < b & c


@pytest.mark.parametrize(
    "f", [plain, Whole, strings, compared, md.q_sample, md.sampling_steps, md.TinyUNet]
)
def test_the_page_shows_the_same_characters(f):
    code, _ = in_the_page(source(f))
    assert html.unescape(re.sub(r"</?(?:b|i|span)\b[^>]*>", "", code)) == str(source(f))


def test_keywords_comments_strings_and_numbers_are_told_apart():
    code, _ = in_the_page(source(strings))
    for string in ('f"if {1:&gt;2}"', "'it\\'s'", 'r"\\d"', 'b"not"'):
        assert f'<span class="mdw-string">{string}</span>' in code
    assert '<span class="mdw-string">"""for &lt;b&gt; &amp; "x" """</span>' in code
    assert re.findall("<b>(.*?)</b>", code) == ["def", "return"]
    code, _ = in_the_page(source(plain))
    assert "<i># Why: above the first statement.</i>\n" in code
    assert "scale=<span>1e-3</span>" in code
    assert re.findall("<b>(.*?)</b>", code) == ["def", "return"]
    assert "<span>" not in in_the_page(source(only_by_name))[0]
    assert "</b> a &lt; b &amp; c" in in_the_page(source(compared))[0]
    # A digit within a name is no number.
    assert "x_0, t" in in_the_page(source(md.q_sample))[0]


def test_the_page_needs_nothing_and_names_what_it_shows():
    _, page = in_the_page(source(Whole))
    assert not re.search(r"<script|src=|href=|https?:|url\(|@import", page)
    assert page.count("<style>") == page.count("</style>") == 1
    assert '<pre role="group" aria-label="Source of Whole.__call__" tabindex="0">' in page
    assert 'html[data-theme="dark"] .mdw' in page  # the colours of the figures, in the dark as well
    assert len(page) < 6_000


def test_its_key_is_a_hash_of_what_is_shown():
    keys = [
        re.search(r'data-mdw="([0-9a-f]{12})"', source(f)._repr_html_())[1]
        for f in (plain, Whole.bare, one_line, plain)
    ]
    assert keys[0] == keys[3]
    assert len(set(keys)) == 3


def public_functions():
    """Everything that is called and is written in Python, of the packages a student names."""
    seen = {}
    for package in (md, md.flow, md.nn, md.data, md.metrics, md.viz):
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isfunction(value):
                seen[f"{package.__name__}.{name}"] = value
    return seen


def without_words(body):
    """The statements of a body, but for its docstring."""
    first = body[0]
    words = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if words and isinstance(first.value.value, str) else body


def test_of_every_public_function_what_is_shown_is_what_runs():
    functions = public_functions()
    assert len(functions) > 100
    for name, f in functions.items():
        shown = str(source(f))
        seen, written = (
            ast.parse(text).body[0]
            for text in (shown, inspect.cleandoc("\n" + inspect.getsource(inspect.unwrap(f))))
        )
        wanted, found = without_words(written.body), without_words(seen.body)
        assert list(map(ast.dump, found)) == list(map(ast.dump, wanted)), name
        assert [a.arg for a in ast.walk(seen.args) if isinstance(a, ast.arg)] == [
            a.arg for a in ast.walk(written.args) if isinstance(a, ast.arg)
        ], name
        head = shown.split("):\n")[0] + "):"
        assert max(map(len, head.splitlines())) <= 100, name
        assert seen.returns is None, name


EQUATIONS = [
    *(md.q_sample, md.q_step, md.q_posterior, md.x0_from_eps, md.simple_loss, md.sample_step),
    *(md.classifier_free_guidance, md.gaussian_kl),
]


@pytest.mark.parametrize("f", EQUATIONS, ids=lambda f: f.__name__)
def test_the_body_is_the_equation(f):
    """At most twelve lines: a reader sees it at one glance."""
    assert len(str(source(f)).splitlines()) <= 12

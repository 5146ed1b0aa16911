"""How many wrong programs do the checks refuse? Each reference is changed in one place, in many ways.

python tools/mutants.py            # every exercise
python tools/mutants.py q_sample   # one

A mutant that gives the same as the reference on the published inputs (the seeds below) is no wrong
program; it is listed and left out. All others should be refused on the inputs that students see.
"""

from __future__ import annotations

import argparse
import ast
import copy
import inspect
import linecache
import textwrap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from minidiff.check.bank import HERE, load
from minidiff.check.exercise import Exercise
from minidiff.check.ladder import climb
from minidiff.check.outcome import call, same

ROOT = Path(__file__).resolve().parents[1]
PUBLISHED = tuple(range(12))  # seeds of the inputs on which a mutant is held against the reference

_SWAPS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_DROPPED = {
    "sqrt",
    "exp",
    "log",
    "square",
    "mean",
    "sum",
    "cumprod",
    "clamp",
    "detach",
    "reciprocal",
}
_TABLES = ("alpha_bar", "alpha", "beta", "beta_tilde")

Edit = Callable[[ast.AST], Iterator[tuple[str, ast.AST]]]
"""Gives, for a node, each changed node with the change in words."""


def swapped_operator(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """+ and -, * and /, ** and *."""
    if isinstance(node, ast.BinOp) and type(node.op) in _SWAPS:
        new = copy.deepcopy(node)
        new.op = _SWAPS[type(node.op)]()
        yield "operator", new


def swapped_operands(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """From a - b to b - a, from a / b to b / a."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div, ast.Pow)):
        new = copy.deepcopy(node)
        new.left, new.right = new.right, new.left
        yield "operands", new


def one_operand(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Only one side of an operator is left."""
    if isinstance(node, ast.BinOp):
        yield "left side only", copy.deepcopy(node.left)
        yield "right side only", copy.deepcopy(node.right)


def dropped_call(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """x.sqrt() or torch.sqrt(x) becomes x; so for other functions of one argument."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return
    if node.func.attr not in _DROPPED:
        return
    of = node.func.value
    if not (isinstance(of, ast.Name) and of.id in ("torch", "math")):
        yield f"without {node.func.attr}", copy.deepcopy(of)
    elif node.args:
        yield f"without {node.func.attr}", copy.deepcopy(node.args[0])


def other_constant(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """A number one larger, one smaller, or halved."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in (node.value + 1, node.value - 1, node.value / 2):
            yield f"{node.value} → {value}", ast.Constant(value)


def dropped_sign(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """-x becomes x."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "without -", copy.deepcopy(node.operand)


def other_comparison(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """< and <=, > and >=, == and !=."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        new = copy.deepcopy(node)
        new.ops[0] = _COMPARISONS[type(node.ops[0])]()
        yield "comparison", new


def other_table(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Another table of the schedule."""
    if isinstance(node, ast.Attribute) and node.attr in _TABLES:
        for name in _TABLES:
            if name != node.attr:
                new = copy.deepcopy(node)
                new.attr = name
                yield f"{node.attr} → {name}", new


EDITS: tuple[Edit, ...] = (
    swapped_operator,
    swapped_operands,
    one_operand,
    dropped_call,
    other_constant,
    dropped_sign,
    other_comparison,
    other_table,
)


def mutants(exercise: Exercise) -> Iterator[tuple[str, Callable[..., object]]]:
    """Every mutant of an exercise's reference: what was changed, and the function."""
    solution = exercise.solution
    assert solution is not None
    source = textwrap.dedent(inspect.getsource(solution))
    tree = ast.parse(source)
    made = tree.body[0]
    assert isinstance(made, ast.FunctionDef)
    made.decorator_list = []
    made.returns = None
    for argument in (*made.args.args, *made.args.kwonlyargs):
        argument.annotation = None
    if isinstance(made.body[0], ast.Expr) and isinstance(made.body[0].value, ast.Constant):
        made.body = made.body[1:]
    names = [argument.arg for argument in made.args.args]
    seen = {ast.unparse(tree)}
    places = [(path, edit) for path in _paths(made) for edit in (*EDITS, _other_argument(names))]
    for path, edit in places:
        for what, new in edit(_at(made, path)):
            whole = copy.deepcopy(tree)
            _put(whole.body[0], path, new)
            text = ast.unparse(ast.fix_missing_locations(whole))
            if text not in seen:
                seen.add(text)
                line = getattr(_at(made, path), "lineno", 0)
                yield f"line {line}, {what}: {ast.unparse(new)}", _compiled(text, solution)


def _other_argument(names: list[str]) -> Edit:
    def edit(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            for name in names:
                if name != node.id:
                    yield f"{node.id} → {name}", ast.Name(name, ast.Load())

    return edit


Path = tuple[tuple[str, int | None], ...]


def _paths(root: ast.AST) -> Iterator[Path]:
    """The way to each node below the root, as fields and places in lists."""
    for name, value in ast.iter_fields(root):
        if name in ("args", "decorator_list") and isinstance(root, ast.FunctionDef):
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for i, child in children:
            if isinstance(child, ast.AST):
                yield ((name, i),)
                for rest in _paths(child):
                    yield ((name, i), *rest)


def _at(root: ast.AST, path: Path) -> ast.AST:
    for name, i in path:
        value = getattr(root, name)
        root = value if i is None else value[i]
    return root


def _put(root: ast.AST, path: Path, new: ast.AST) -> None:
    parent = _at(root, path[:-1])
    name, i = path[-1]
    if i is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[i] = new


def _compiled(text: str, solution: Callable[..., object]) -> Callable[..., object]:
    filename = f"<mutant {hash(text)}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    space = dict(inspect.unwrap(solution).__globals__)
    exec(compile(text, filename, "exec"), space)
    made: Callable[..., object] = space[solution.__name__]
    return made


def exercise_files() -> dict[str, Path]:
    """Every exercise by name: those of the library and those of the assignments."""
    folders = (HERE, *sorted(ROOT.glob("assignments/*/questions")))
    files = (file for folder in folders for file in sorted(folder.glob("*.py")))
    return {file.stem: file for file in files if not file.stem.startswith("_")}


@dataclass
class Tally:
    """What became of the mutants of an exercise."""

    named: int = 0
    refused: int = 0  # those that got a named message included
    same: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Mutants that are wrong programs."""
        return self.refused + len(self.passed)


def tally(exercise: Exercise) -> Tally:
    """Check every mutant."""
    counted = Tally()
    assert exercise.solution is not None
    cases = [case for seed in PUBLISHED for case in exercise.inputs(seed)]
    expected = [call(exercise.solution, case, exercise.observe) for case in cases]
    for what, mutant in mutants(exercise):
        feedback = climb(exercise, mutant)
        if feedback.passed:
            got = (call(mutant, case, exercise.observe) for case in cases)
            alike = all(same(g, e, exercise.rtol) for g, e in zip(got, expected, strict=True))
            (counted.same if alike else counted.passed).append(what)
        else:
            counted.refused += 1
            counted.named += feedback.mistake is not None
    return counted


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="exercises (all)")
    chosen = parser.parse_args().names
    print(f"{'exercise':28}{'wrong':>7}{'refused':>9}{'named':>7}{'the same':>10}")
    total = Tally()
    files = exercise_files()
    warnings.simplefilter("ignore")  # wrong programs are warned about, too
    for name in chosen or files:
        got = tally(load(files[name]))
        print(f"{name:28}{got.wrong:7}{got.refused:9}{got.named:7}{len(got.same):10}", flush=True)
        for word, whats in (("passed", got.passed), ("the same", got.same)):
            for what in whats:
                print(f"    {word}: {what}")
        total.named += got.named
        total.refused += got.refused
        total.passed += got.passed
    if total.wrong:
        print(
            f"\n{total.refused} of {total.wrong} refused ({total.refused / total.wrong:.1%}), "
            f"{total.named} by name ({total.named / total.wrong:.1%})"
        )


if __name__ == "__main__":
    main()

"""What `import minidiff` brings along, and which module may know of which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minidiff

PACKAGE = Path(minidiff.__file__).parent
HEAVY = ("matplotlib", "ipywidgets", "torchvision", "tqdm", "safetensors", "scipy", "diffusers")
HEAVY += ("IPython", "accelerate", "pandas", "sklearn", "torchdiffeq", "PIL")

MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imports(path: Path, *, inside_functions: bool = True) -> set[str]:
    """Full names of what a module imports, types-only imports left out."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    package = ["minidiff", *path.parts[:-1]]
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.FunctionDef) and not inside_functions:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from . import exact` names modules; `from .draw import randn` names one of its things
            found.update(
                {f"{origin}.{a.name}" for a in node.names} if not node.module else {origin}
            )
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Modules that `import minidiff` loads beyond those of torch, numpy and einops."""
    code = (
        "import sys, torch, numpy, einops; before = set(sys.modules); import minidiff;"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_minidiff_pulls_in_nothing_heavy(loaded):
    assert "minidiff.sampling.loop" in loaded
    assert sorted(name for name in loaded if name.split(".")[0] in HEAVY) == []


def test_nothing_but_torch_numpy_and_einops_and_the_standard_library(loaded):
    known = {*sys.stdlib_module_names, "minidiff", "torch", "numpy", "einops"}
    assert sorted(name for name in loaded if name.split(".")[0] not in known) == []


@pytest.mark.parametrize("lazy", ["check", "data", "metrics", "recipes", "viz"])
def test_the_rest_waits_until_it_is_used(loaded, lazy):
    assert f"minidiff.{lazy}" not in loaded
    assert lazy in dir(minidiff)
    assert getattr(minidiff, lazy).__name__ == f"minidiff.{lazy}"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'ddmp_sample'"):
        minidiff.ddmp_sample  # noqa: B018


def test_every_public_name_is_there_and_has_a_docstring():
    for name in minidiff.__all__:
        assert getattr(minidiff, name).__doc__, name


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_heavy_packages_are_imported_where_they_are_used(module):
    at_the_top = {name.split(".")[0] for name in imports(module, inside_functions=False)}
    assert at_the_top & set(HEAVY) == set()


def test_arrows_point_one_way():
    """The floors of the house stand in pyproject.toml."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=PACKAGE.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_the_top_of_the_package_is_short():
    entries = sorted(p.name for p in PACKAGE.iterdir() if p.name != "__pycache__")
    assert len(entries) <= 16, entries


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_holds_two_ideas(module):
    lines = (PACKAGE / module).read_text(encoding="utf-8").count("\n")
    assert lines <= 330, f"{module} has {lines} lines: split it"

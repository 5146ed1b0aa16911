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

# Each module of the core, and all that it may import from the package.
CORE = {
    "validate": set(),
    "draw": {"validate"},
    "continuous": {"validate"},
    "schedule": {"continuous", "validate"},
    "schedule_makers": {"schedule", "validate"},
    "forward": {"draw", "schedule", "validate"},
    "posterior": {"schedule", "validate"},
    "convert": {"schedule", "validate"},
    "step": {"convert", "draw", "posterior", "schedule", "validate"},
    "exact": {"schedule", "validate"},
    "losses": {"convert", "draw", "forward", "posterior", "schedule", "validate"},
    "walk": {"draw", "schedule", "validate"},
    "sample": {"convert", "draw", "schedule", "step", "validate", "walk"},
    "solvers": {"convert", "draw", "schedule", "step", "validate", "walk"},
    "inversion": {"convert", "schedule", "step", "validate", "walk"},
    "likelihood": {"validate"},
    "bound": {"likelihood", "posterior", "schedule", "validate"},
    "learned": {"bound", "convert", "draw", "likelihood", "losses", "schedule", "validate"},
    "guidance": {"learned", "sample", "schedule", "validate"},
}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """``nn/unet.py`` is ``nn.unet``, ``nn/__init__.py`` is ``nn``."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


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


def own(path: Path) -> set[str]:
    """What a module imports from minidiff itself, without that name in front."""
    return {
        name.removeprefix("minidiff.")
        for name in imports(path)
        if name.startswith("minidiff.") or name == "minidiff"
    }


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


@pytest.mark.parametrize("module", CORE)
def test_the_core_points_one_way(module):
    assert own(Path(f"{module}.py")) <= CORE[module]


def test_the_core_table_itself_has_no_circle():
    done: set[str] = set()
    for module, allowed in CORE.items():
        assert allowed <= done, module
        done.add(module)


@pytest.mark.parametrize("module", [m for m in MODULES if m.parts[0] == "nn"], ids=str)
def test_networks_know_nothing_of_schedules(module):
    outside = {name for name in own(module) if not name.startswith("nn")}
    assert outside <= {"validate", "draw"}


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.parts[0] not in ("viz", "check")], ids=str
)
def test_only_viz_and_check_look_at_viz_and_check(module):
    tops = {name.split(".")[0] for name in own(module)}
    assert tops & {"viz", "check"} == set()


def test_the_package_has_no_circle():
    """Every import counts, those inside functions too."""
    known = {name_of(path) for path in MODULES} - {""}
    graph = {}
    for path in MODULES:
        if name_of(path):
            targets = {t if t in known else t.rpartition(".")[0] for t in own(path)}
            graph[name_of(path)] = (targets & known) - {name_of(path), ""}
    done: set[str] = set()
    while ready := {m for m in graph if m not in done and graph[m] <= done}:
        done |= ready
    assert sorted(set(graph) - done) == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_holds_two_ideas(module):
    lines = (PACKAGE / module).read_text(encoding="utf-8").count("\n")
    assert lines <= 330, f"{module} has {lines} lines: split it"

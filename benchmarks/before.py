"""Does the library still give the same numbers, bit for bit, as an earlier commit of it?

python -m benchmarks.before            # against the commit before the house was built
python -m benchmarks.before HEAD~3

Both run here, one after the other, each in a process of its own, with the same code below: it names nothing
but what a student may type. Both have the weights of today, for a network that learned anew is no other
library. On another processor the last bits differ from these, but not between commits.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parents[1]
BEFORE = "d2afdb5"  # modules lay flat, and each check stood in its function

CODE = Path(__file__).with_name("what_it_computes.py")


def numbers(folder: Path, out: Path) -> dict[str, torch.Tensor]:
    """What the library in that folder computes."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, CODE, out], cwd=folder, env=environment, check=True)
    made: dict[str, torch.Tensor] = torch.load(out, weights_only=True)
    return made


def with_weights_of_today(folder: Path) -> None:
    """Let the commit in that folder have the networks that ship now, told in the words that it knows."""
    weights = Path("minidiff") / "weights"
    for now in (ROOT / weights).glob("*.safetensors"):
        old = folder / weights / now.name
        with safe_open(old, framework="pt") as file:
            about = file.metadata()
        save_file(load_file(now), old, metadata=about)
        card = old.with_suffix(".json")
        told = json.loads(card.read_text(encoding="utf-8"))
        told["sha256"] = hashlib.sha256(old.read_bytes()).hexdigest()
        card.write_text(json.dumps(told), encoding="utf-8")


def summary(x: torch.Tensor) -> list[float]:
    """Three numbers that a tensor cannot keep when it changes: its mean, its size, and one mixed of all."""
    flat = x.double().flatten()
    mixed = (flat * torch.linspace(-1, 1, len(flat), dtype=torch.float64).cos()).mean()
    return [float(value) for value in (flat.mean(), flat.square().mean().sqrt(), mixed)]


def main() -> int:
    """Compare, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commit", nargs="?", default=BEFORE, help=f"to compare with ({BEFORE})")
    parser.add_argument("--store", type=Path, help="write the commit's numbers, in short, as JSON")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        old = Path(scratch) / "old"
        subprocess.run(
            ["git", "-C", ROOT, "worktree", "add", "--quiet", "--detach", old, chosen.commit],
            check=True,
        )
        try:
            with_weights_of_today(old)
            before = numbers(old, Path(scratch) / "before.pt")
            now = numbers(ROOT, Path(scratch) / "now.pt")
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", old], check=True)
    if chosen.store:
        table = {name: summary(x) for name, x in before.items() if not name.startswith("load")}
        chosen.store.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    different = [name for name in before if not torch.equal(before[name], now[name])]
    for name in different:
        apart = float((before[name].double() - now[name].double()).abs().max())
        print(f"{name}: apart by up to {apart:.2g}")
    print(f"{len(before) - len(different)} of {len(before)} results are equal to the last bit")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())

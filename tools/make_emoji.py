"""Makes minidiff/data/emoji.npz: two thousand drawings of OpenMoji, each in colour and as a line drawing.

Run it in an environment of its own, since the project itself renders no SVG::

    npm pack openmoji@17.0.0 && tar xzf openmoji-17.0.0.tgz
    python -m venv scratch
    scratch/bin/pip install numpy==2.4.6 resvg-py==0.5.0
    scratch/bin/python tools/make_emoji.py package

A drawing and its variants (man, woman, person; facing right; another colour) have one base, and all with one
base are either in "train" or in "heldout": a network that learned one has all but seen the others. A base is
found by caption and by line drawing. The choice hangs on a hash of its name, not on a generator.
"""

import argparse
import hashlib
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
from npz import to_npz

VERSION = "17.0.0"
DATA = Path(__file__).resolve().parents[1] / "minidiff" / "data"
SIDE = 64
FINE = 4  # pixels that are averaged, along each side: finer edges than the renderer's own
HELDOUT = 0.1
# What is no drawing of a thing: flags, single letters of flags, parts of others, and trade marks.
WITHOUT_GROUPS = {"flags", "component"}
WITHOUT_SUBGROUPS = {"brand", "regional-indicator", "subdivision-flag", "flags"}

PEOPLE = r"\b(man|woman|men|women|person|people|boy|girl|mother|father|old)\b"
HOURS = r"\b(\w+[ -]thirty|\w+ o.clock)\b"
TURNED = r"\b(facing|pointing|pointed|to the|left|right|up|down|upwards|downwards)\b"
COLOURS = r"\b(red|orange|yellow|green|blue|purple|brown|black|white|grey|pink|light|dark|medium|hollow)\b"
SIZES = r"\b(small|large|big|medium|heavy|double|very|one|two|three|four|thirty|\d+)\b"
NEAR = 0.1  # share of the ink, squared, in which two pictures of one thing differ at most


def chosen(package: Path) -> list[dict[str, str]]:
    rows = json.loads((package / "data" / "openmoji.json").read_text(encoding="utf-8"))
    rows = [
        row
        for row in rows
        if row["skintone"] == ""
        and row["group"] not in WITHOUT_GROUPS
        and row["subgroups"] not in WITHOUT_SUBGROUPS
    ]
    return sorted(rows, key=lambda row: (row["order"] or 10**6, row["hexcode"]))


def drawn(file: Path) -> np.ndarray:
    """A drawing on white, (SIDE, SIDE, 3) bytes."""
    import resvg_py
    from PIL import Image

    side = SIDE * FINE
    png = resvg_py.svg_to_bytes(svg_path=str(file), width=side, height=side, background="#ffffff")
    pixels = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB"), dtype=np.float64)
    blocks = pixels.reshape(SIDE, FINE, SIDE, FINE, 3)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)


def words(row: dict[str, str]) -> str:
    """A caption: the drawing's own name, without the dots and quotes of a table."""
    return re.sub(r"[“”⊛]|\s+$|^\s+", "", row["annotation"]).replace(": ", ", ")


def tags(row: dict[str, str]) -> list[str]:
    both = f"{row['tags']},{row['openmoji_tags']}".split(",")
    named = [tag.strip() for tag in both if tag.strip() and tag.strip() != words(row)]
    return list(dict.fromkeys(named))


def stem(row: dict[str, str]) -> str:
    """What is left of a caption without what tells variants of one drawing apart."""
    text = re.sub(HOURS, "clock", words(row).lower().replace("’", "'"))
    for unsaid in (PEOPLE, TURNED, COLOURS, SIZES):
        text = re.sub(unsaid, " ", text)
    left = " ".join(re.findall(r"[a-z']+", text))
    return left or words(row).lower()


def united(pairs: list[tuple[int, int]], count: int) -> list[int]:
    """For each of ``count`` things the first of those that pairs tie it to, directly or not."""
    first = list(range(count))

    def root(i: int) -> int:
        while first[i] != i:
            i = first[i]
        return i

    for i, j in pairs:
        a, b = sorted((root(i), root(j)))
        first[b] = a
    return [root(i) for i in range(count)]


def same_word(stems: list[str]) -> list[tuple[int, int]]:
    seen: dict[str, int] = {}
    return [(seen.setdefault(text, i), i) for i, text in enumerate(stems)]


def same_look(pictures: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of line drawings (N, SIDE, SIDE) that hardly differ, or only by being turned round.

    What differs is measured against what is drawn at all, at half the size, where a line may move a little.
    """
    ink = 1 - pictures.reshape(len(pictures), SIDE // 2, 2, SIDE // 2, 2).mean((2, 4)) / 255
    flat = ink.reshape(len(ink), -1)
    amount = (flat**2).sum(1)
    pairs = []
    for other in (flat, ink[:, :, ::-1].reshape(len(ink), -1)):
        different = amount[:, None] + amount - 2 * flat @ other.T
        i, j = np.nonzero(different < NEAR * (amount[:, None] + amount) / 2)
        pairs += [(int(a), int(b)) for a, b in zip(i, j, strict=True) if a < b]
    return pairs


def is_heldout(base: str) -> bool:
    digest = hashlib.sha256(f"held out: {base}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < HELDOUT * 2**64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, help="the unpacked npm package openmoji")
    parser.add_argument("--out", type=Path, default=DATA, help="folder to write to")
    asked = parser.parse_args()
    found = json.loads((asked.package / "package.json").read_text(encoding="utf-8"))["version"]
    if found != VERSION:
        sys.exit(f"{asked.package} is openmoji {found}, the data set is made of {VERSION}")
    rows = chosen(asked.package)
    files = [f"{row['hexcode']}.svg" for row in rows]
    colour = np.stack([drawn(asked.package / "color" / "svg" / file) for file in files])
    line = np.stack([drawn(asked.package / "black" / "svg" / file)[..., 0] for file in files])
    pairs = same_word([stem(row) for row in rows]) + same_look(line)
    bases = [words(rows[i]) for i in united(pairs, len(rows))]
    arrays, about = {}, {}
    for split, wanted in (("train", False), ("heldout", True)):
        kept = [i for i, base in enumerate(bases) if is_heldout(base) == wanted]
        arrays[f"{split}_colour"] = colour[kept].transpose(0, 3, 1, 2)
        arrays[f"{split}_line"] = line[kept]
        about[split] = [
            {
                "caption": words(rows[i]),
                "tags": tags(rows[i]),
                "group": rows[i]["group"],
                "base": bases[i],
                "code": rows[i]["hexcode"],
            }
            for i in kept
        ]
    content = to_npz(arrays, {"about.json": json.dumps(about, ensure_ascii=False, indent=0)})
    digest = hashlib.sha256(content).hexdigest()
    (asked.out / "emoji.npz").write_bytes(content)
    (asked.out / "emoji.sha256").write_text(f"{digest}  emoji.npz\n")
    for name, array in arrays.items():
        print(f"{name:15} {array.shape} {array.dtype}")
    print(f"{len(set(bases))} bases")
    print("contents ", hashlib.sha256(b"".join(a.tobytes() for a in arrays.values())).hexdigest())
    print("sha256   ", digest, f"({len(content):,} bytes)")


if __name__ == "__main__":
    main()

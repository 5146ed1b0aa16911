"""MNIST, FashionMNIST and CIFAR-10 through torchvision, from files that the tests write themselves."""

import gzip
import hashlib
import pickle
import re
import struct
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch

from minidiff.data import _torchvision, load

COUNTS = {"train": 7, "heldout": 4}
GREY = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}


@pytest.fixture
def datasets():
    return _torchvision.import_torchvision().datasets


def idx(array: np.ndarray) -> bytes:
    """The format of MNIST's files: a magic number, the shape (big-endian), the bytes."""
    return struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def write_grey(folder: Path, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    folder.mkdir(parents=True)
    rng, written = np.random.default_rng(seed), {}
    for split, prefix in (("train", "train"), ("heldout", "t10k")):
        pixels = rng.integers(0, 256, (COUNTS[split], 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, COUNTS[split], dtype=np.uint8)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(pixels))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))
        written[split] = (pixels[:, None], labels)
    return written


def write_cifar(root: Path, datasets, monkeypatch) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rng, parts = np.random.default_rng(2), {"train": [], "heldout": []}
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        rows = rng.integers(0, 256, (3, 3 * 32 * 32), dtype=np.uint8)
        labels = rng.integers(0, 10, 3).tolist()
        (folder / name).write_bytes(pickle.dumps({"data": rows, "labels": labels}))
        parts["heldout" if name == "test_batch" else "train"].append((rows, labels))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    # torchvision compares checksums with those of the real files; tell it ours.
    md5 = {f.name: hashlib.md5(f.read_bytes()).hexdigest() for f in folder.iterdir()}
    cifar = datasets.CIFAR10
    for attribute in ("train_list", "test_list"):
        ours = [[name, md5[name]] for name, _ in getattr(cifar, attribute)]
        monkeypatch.setattr(cifar, attribute, ours)
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": md5["batches.meta"]})
    return {
        split: (
            np.concatenate([rows for rows, _ in files]).reshape(-1, 3, 32, 32),
            np.concatenate([labels for _, labels in files]),
        )
        for split, files in parts.items()
    }


def assert_equals_written(loaded, written):
    x, y = loaded
    pixels, labels = written
    assert x.dtype == torch.float32
    assert y.dtype == torch.int64
    expected = torch.from_numpy(pixels.astype(np.float64) / 127.5 - 1)
    torch.testing.assert_close(x.double(), expected, rtol=0, atol=1e-6)
    assert y.tolist() == labels.tolist()


@pytest.mark.parametrize("name", GREY)
@pytest.mark.parametrize("split", COUNTS)
def test_grey_sets_are_read_from_local_files(name, split, tmp_path):
    written = write_grey(tmp_path / GREY[name] / "raw", seed=len(name))
    assert_equals_written(load(name, split, root=tmp_path, download=False), written[split])


@pytest.mark.parametrize("split", COUNTS)
def test_cifar10_is_read_from_local_files(split, tmp_path, datasets, monkeypatch):
    written = write_cifar(tmp_path, datasets, monkeypatch)
    x, y = load("cifar10", split, root=str(tmp_path), download=False)
    assert x.shape == ((15 if split == "train" else 3), 3, 32, 32)
    assert x.is_contiguous()
    assert_equals_written((x, y), written[split])


def test_size_and_classes_work_for_every_set(tmp_path, datasets, monkeypatch):
    write_grey(tmp_path / "MNIST" / "raw", seed=0)
    write_cifar(tmp_path, datasets, monkeypatch)
    for name, channels in (("mnist", 1), ("cifar10", 3)):
        _, labels = load(name, root=tmp_path, download=False)
        one = int(labels[0])
        x, y = load(name, size=16, root=tmp_path, download=False, classes=[one])
        assert x.shape == (int((labels == one).sum()), channels, 16, 16)
        assert set(y.tolist()) == {one}


def test_files_that_are_there_are_not_downloaded(tmp_path, datasets, monkeypatch):
    written = write_grey(tmp_path / "MNIST" / "raw", seed=3)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [])
    assert_equals_written(load("mnist", root=tmp_path, download=True), written["train"])


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def serve(folder: Path):
    """A web server on this machine that hands out a folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_missing_files_are_downloaded_into_the_cache_folder(tmp_path, datasets, monkeypatch):
    server = tmp_path / "server"
    written = write_grey(server, seed=4)
    resources = []
    for file in sorted(server.iterdir()):
        packed = gzip.compress(file.read_bytes())
        (server / f"{file.name}.gz").write_bytes(packed)
        resources.append((f"{file.name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serve(server) as address:
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        assert_equals_written(load("mnist"), written["train"])
    assert (tmp_path / "cache" / "minidiff" / "MNIST" / "raw").is_dir()


def test_without_a_cache_setting_files_go_below_the_home_folder(tmp_path, monkeypatch):
    written = write_grey(tmp_path / ".cache" / "minidiff" / "MNIST" / "raw", seed=5)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert_equals_written(load("mnist", download=False), written["train"])


STILL_WORKS = r"bundled digits need neither.*load\(\"digits\"\)"


@pytest.mark.parametrize("name", _torchvision.SETS)
def test_missing_files_are_told_from_a_missing_torchvision(name, tmp_path):
    folder = re.escape(str(tmp_path / _torchvision.SETS[name].folder))
    message = rf"load\('{name}'\): torchvision works, but {folder} lacks.*{STILL_WORKS}"
    with pytest.raises(FileNotFoundError, match=message):
        load(name, root=tmp_path, download=False)


@pytest.mark.parametrize("name", _torchvision.SETS)
def test_a_failed_download_is_told_from_a_missing_torchvision(
    name, tmp_path, datasets, monkeypatch
):
    nowhere = (tmp_path / "nowhere").as_uri()
    dataset = getattr(datasets, _torchvision.SETS[name].dataset)
    if name == "cifar10":
        monkeypatch.setattr(dataset, "url", f"{nowhere}/cifar-10-python.tar.gz")
    else:
        monkeypatch.setattr(dataset, "mirrors", [f"{nowhere}/"])
    message = rf"(?s)load\('{name}'\): torchvision works.*could not be downloaded.*{STILL_WORKS}"
    with pytest.raises(ConnectionError, match=message):
        load(name, root=tmp_path, download=True)


@pytest.mark.parametrize("name", _torchvision.SETS)
def test_a_missing_torchvision_is_named(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)  # what `import` then raises: not found
    message = (
        rf"load\('{name}'\).*torchvision, which cannot be imported.*pip install.*{STILL_WORKS}"
    )
    with pytest.raises(ImportError, match=message):
        load(name, root=tmp_path)
    assert len(load("digits")[0]) == 4000


@pytest.mark.parametrize(
    "content", [b"", b"not an IDX file", idx(np.zeros((7, 28, 28), np.uint8))[:-9]]
)
def test_a_damaged_file_is_told_from_a_missing_one(content, tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    write_grey(folder, seed=6)
    (folder / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a file in {re.escape(str(folder))} is damaged.*delete"):
        load("mnist", root=tmp_path, download=False)


def test_a_cifar_file_with_another_checksum_is_not_unpickled(tmp_path, datasets, monkeypatch):
    write_cifar(tmp_path, datasets, monkeypatch)
    (tmp_path / "cifar-10-batches-py" / "data_batch_3").write_bytes(pickle.dumps(print))
    with pytest.raises(FileNotFoundError, match="holds damaged ones"):
        load("cifar10", root=tmp_path, download=False)


# A stand-in for torchvision, put before the real one on the path: importing it does what we want to see.
IMPORTS = {
    "normal": "",
    "lacks_operators": """
import torch
from . import extension
try:
    torch._C._dispatch_has_kernel_for_dispatch_key("torchvision::nms", "CPU")
    torch._C._dispatch_has_kernel_for_dispatch_key("torchvision::qnms", "CPU")
except RuntimeError:
    raise RuntimeError("operator torchvision::nms does not exist")
""",
    "other_error": "raise RuntimeError('libcudart.so is missing')",
}


def import_stand_in(kind: str, tmp_path: Path) -> list[str]:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "extension.py").write_text("print('extension was run')")
    (package / "__init__.py").write_text(IMPORTS[kind] + "\nname = 'stand-in'\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import torch
from minidiff.data._torchvision import import_torchvision
for _ in range(2):
    try:
        print(import_torchvision().name)
    except RuntimeError as error:
        print(error)
print("declared", torch._C._dispatch_has_kernel("torchvision::nms") if {kind!r} == "lacks_operators"
      else [s for s in torch._C._dispatch_get_all_op_names() if s.startswith("torchvision::")])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    return out.stdout.splitlines()


def test_where_torchvision_imports_nothing_is_declared(tmp_path):
    assert import_stand_in("normal", tmp_path) == ["stand-in", "stand-in", "declared []"]


def test_where_its_operators_are_unknown_they_are_declared_once(tmp_path):
    lines = import_stand_in("lacks_operators", tmp_path)
    # The part of the package that had been imported is run again, then the import holds.
    assert lines[:4] == ["extension was run", "extension was run", "stand-in", "stand-in"]


def test_any_other_failure_is_passed_on(tmp_path):
    lines = import_stand_in("other_error", tmp_path)
    assert lines == ["libcudart.so is missing"] * 2 + ["declared []"]

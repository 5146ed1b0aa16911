"""Run notebooks again and write their outputs in place: `make notebooks`.

The kernel is the one of this environment and the file says nothing of when and where it ran, so a
second run on the same machine changes no byte.
"""

import argparse
import time
from pathlib import Path

import notebook_file
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CELL_TIMEOUT = 300  # seconds; a notebook that hangs is stopped and named


def execute(path: Path) -> None:
    """Run one notebook in its own folder and write it."""
    notebook = notebook_file.read(path)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=notebook_file.KERNEL["name"],
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
    )
    client.execute()
    notebook_file.write(path, notebook)


def main() -> None:
    """Run the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        start = time.perf_counter()
        try:
            execute(path)
        except CellExecutionError as error:
            raise SystemExit(f"{path}: a cell failed, nothing was written.\n{error}") from None
        print(f"{path}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

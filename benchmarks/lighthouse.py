"""What Lighthouse says of the built pages: performance and accessibility, each from 0 to 100.

make book; python -m benchmarks.lighthouse

Lighthouse comes from the npm registry, so Node.js is needed. The book is served on this machine. Lighthouse
pretends to be a desktop computer, and a phone with a quarter of this machine's speed and a slow network.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from chromium import NO_BROWSER, find_chromium, flags  # noqa: E402  the maintainers' scripts are no package

SITE = ROOT / "_build" / "html"
PAGES = (
    "book/intro.html",
    "notebooks/05_loss_and_elbo.html",
    "notebooks/13_classifier_free_guidance.html",
)
VERSION = "13.5.0"
CATEGORIES = ("performance", "accessibility")
WORTH_TELLING = 0.9  # an audit below it lowers the score


PACKED = (".html", ".js", ".css", ".json", ".svg")


@cache
def packed(file: Path) -> bytes:
    """A file as it is sent."""
    return gzip.compress(file.read_bytes())


class Host(SimpleHTTPRequestHandler):
    """Serves files as hosts of pages do: text is packed, a connection stays open, and nothing is said."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a file."""
        file = Path(self.translate_path(self.path))
        if not file.is_file() or file.suffix not in PACKED:
            return super().do_GET()
        body = packed(file)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(file))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """No line for each file."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of that folder, for as long as it is needed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Host, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def report(url: str, chromium: str, desktop: bool) -> dict[str, Any]:
    """What Lighthouse finds on a page, as it writes it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        command = ["npx", "--yes", f"lighthouse@{VERSION}", url, "--quiet", "--output=json"]
        command += [f"--output-path={out}", f"--only-categories={','.join(CATEGORIES)}"]
        command += [
            f"--chrome-path={chromium}",
            f"--chrome-flags={' '.join(['--headless=new', *flags()])}",
        ]
        command += ["--preset=desktop"] if desktop else []
        subprocess.run(command, check=True)
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found


def costs(found: dict[str, Any]) -> Iterator[str]:
    """What lowers the scores, a line each."""
    for category in CATEGORIES:
        for part in found["categories"][category]["auditRefs"]:
            audit = found["audits"][part["id"]]
            if part["weight"] and audit["score"] is not None and audit["score"] < WORTH_TELLING:
                yield f"{audit['title']}: {audit.get('displayValue', 'no')}"


def main() -> None:
    """Print the scores of some pages, and what lowers them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lighthouse", description=__doc__)
    parser.add_argument("pages", nargs="*", default=PAGES, help="in the built book")
    asked = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(NO_BROWSER)
    if shutil.which("npx") is None:
        raise SystemExit("Lighthouse needs Node.js, which brings npx: https://nodejs.org")
    missing = [page for page in asked.pages if not (SITE / page).is_file()]
    if missing:
        raise SystemExit(f"{missing} are not in {SITE}: make book")
    with served(SITE) as address:
        for page in asked.pages:
            for desktop in (True, False):
                found = report(f"{address}/{page}", chromium, desktop)
                scores = [
                    f"{name} {100 * found['categories'][name]['score']:3.0f}" for name in CATEGORIES
                ]
                kind = "desktop" if desktop else "phone"
                print(f"{page:45s} {kind:8s} {'  '.join(scores)}", flush=True)
                for line in costs(found):
                    print(f"    {line}")


if __name__ == "__main__":
    main()

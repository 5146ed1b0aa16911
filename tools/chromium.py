"""The Chromium that tests and benchmarks drive."""

from __future__ import annotations

import os
import shutil
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = (
    "No Chromium was found, so the built pages cannot be checked in a browser. Get it with "
    "`sudo apt-get install chromium` (Debian, Ubuntu) or `brew install --cask chromium` (macOS), "
    "or set MINIDIFF_CHROMIUM to the path of a Chromium or Chrome that you have."
)
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """The Chromium to drive: MINIDIFF_CHROMIUM if set, else the first one on the PATH."""
    chosen = os.environ.get("MINIDIFF_CHROMIUM")
    if chosen:
        return shutil.which(chosen)
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def flags() -> list[str]:
    """How it is started. Its sandbox refuses to run as root, as which containers and CI often run."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*FLAGS, "--no-sandbox"] if as_root else FLAGS


def launch(playwright: Any, executable: str) -> Any:
    """Start it."""
    return playwright.chromium.launch(executable_path=executable, args=flags())

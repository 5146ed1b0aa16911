"""Firefox, driven by WebDriver BiDi over a socket: as much of it as the tests of the engine ask for.

Playwright drives a Firefox of its own making only; this is the one that readers have.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websocket import create_connection

NAMES = ("firefox", "firefox-esr")
NO_FIREFOX = (
    "No Firefox was found, so what networks draw cannot be checked in it. Get it with "
    "`sudo apt-get install firefox-esr` (Debian) or `brew install --cask firefox` (macOS)."
)
SILENT: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
PATIENCE = 120  # seconds; the answer may be twenty steps of a network
# Whatever asks the network is sent to a port where nobody listens.
PREFERENCES = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
}
ASK = """(async () => { const asked = (%s); const value = typeof asked === 'function' ? asked(%s) : asked;
return JSON.stringify((await value) ?? null); })()"""


class Tab:
    """One tab of a running Firefox; `errors` is what its console had to complain of."""

    def __init__(self, address: str):
        self._socket = create_connection(address, timeout=PATIENCE, suppress_origin=True)
        self._asked = 0
        self.errors: list[str] = []
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded"])
        self._context = self._send("browsingContext.getTree")["contexts"][0]["context"]

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and wait for its answer."""
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.errors.append(answer["params"]["text"])
            if answer.get("id") == self._asked:
                assert answer["type"] == "success", f"{method}: {answer}"
                return dict(answer["result"])

    def open(self, url: str) -> None:
        """Go there, and wait until all of it has come."""
        self._send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, code: str, argument: Any = None) -> Any:
        """As Playwright's: an expression, or a function of the argument; promises are waited for."""
        answer = self._send(
            "script.evaluate",
            expression=ASK % (code, json.dumps(argument)),
            target={"context": self._context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])


def find_firefox() -> str | None:
    """The first one on the PATH."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def port(profile: Path) -> int:
    """Where it listens, as it writes into its profile once it does."""
    told, until = profile / "WebDriverBiDiServer.json", time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return int(json.loads(told.read_text(encoding="utf-8"))["ws_port"])
        time.sleep(0.1)
    raise TimeoutError(f"Firefox did not listen within {PATIENCE} s")


@contextmanager
def running(executable: str) -> Iterator[Tab]:
    """A Firefox without a window, with a new profile and the network cut."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
        Path(profile, "user.js").write_text("\n".join(lines), encoding="utf-8")
        command = [executable, "--headless", "--remote-debugging-port=0", "--profile", profile]
        firefox = subprocess.Popen([*command, "about:blank"], **SILENT)
        try:
            yield Tab(f"ws://127.0.0.1:{port(Path(profile))}/session")
        finally:
            firefox.terminate()
            firefox.wait(PATIENCE)

"""Write the repository's address and the version from pyproject.toml to where they are used.

Run `make publish-config` after setting [project.urls] Repository, or after changing the version. It
writes the launch buttons into _config.yml (none while the address is empty, nor where it is not on
GitHub, from where alone Colab opens notebooks) and the set-up cell into every notebook. Running it
again changes nothing.
"""

import re
from pathlib import Path

import notebook_file
import setup_cell

CONFIG = notebook_file.ROOT / "_config.yml"
BEGIN, END = "# publish-config: begin", "# publish-config: end"
NONE = "no address yet"
COLAB_OPENS = "https://github.com/"

# Pages of the book and notebooks on Colab are those of the tag, as is the library they install.
BUTTONS = """\
repository:
  url: {address}
  branch: v{version}
launch_buttons:
  colab_url: https://colab.research.google.com
"""


def config_with(config: str, version: str, address: str) -> str:
    """The text of _config.yml with its launch buttons for that address, or without any."""
    begin = f"{BEGIN} (written by `make publish-config` from pyproject.toml"
    block = f"{begin}; {NONE})\n"
    if address and not address.startswith(COLAB_OPENS):
        block = f"{begin}; no button, since Colab opens {COLAB_OPENS} only)\n"
    elif address:
        block = f"{begin})\n" + BUTTONS.format(version=version, address=address)
    changed, count = re.subn(
        rf"{BEGIN}.*?(?={END})", lambda _: block, config, count=1, flags=re.DOTALL
    )
    if not count:
        raise SystemExit(f"_config.yml has lost its lines {BEGIN!r} and {END!r}: restore them.")
    return changed


def write_if_changed(path: Path, old: str, new: str) -> None:
    """Write a text file unless it says the same already."""
    if new != old:
        path.write_text(new, encoding="utf-8")
        print(f"{path.relative_to(notebook_file.ROOT)}: written")


def main() -> None:
    """Write both."""
    version, address = setup_cell.settings()
    config = CONFIG.read_text(encoding="utf-8")
    write_if_changed(CONFIG, config, config_with(config, version, address))
    for path in notebook_file.all_notebooks():
        before = path.read_text(encoding="utf-8")
        notebook = notebook_file.read(path)
        setup_cell.write(notebook, version, address)
        notebook_file.write(path, notebook)
        if path.read_text(encoding="utf-8") != before:
            print(f"{path.relative_to(notebook_file.ROOT)}: written")
    print(f"minidiff {version} at {address or NONE}")
    if address and not address.startswith(COLAB_OPENS):
        print(f"No launch button: Colab opens notebooks from {COLAB_OPENS} only.")


if __name__ == "__main__":
    main()

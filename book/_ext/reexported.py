"""Lets a docstring name a thing as readers do: `md.simple_loss`, which lies in `minidiff.losses.simple`.

The package exports its functions at the top, and the API pages document them in their modules. A name
that the package really has, `minidiff.invert` or `minidiff.flow.invert`, is looked up there, and the
thing itself says where it was written. Any other reference is resolved by its last name, if only one
thing is called so.
"""

from functools import reduce

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import minidiff


def written_at(name: str) -> str | None:
    """The full name under which a thing of the package was written: `minidiff.chain.convert.convert`."""
    try:
        found = reduce(getattr, name.removeprefix("minidiff.").split("."), minidiff)
        return f"{found.__module__}.{found.__qualname__}"
    except AttributeError:
        return None


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    """Resolve a Python reference that Sphinx did not, or leave it unresolved."""
    wanted = node.get("reftarget", "")
    _, _, target = wanted.rpartition(".")
    if node.get("refdomain") != "py" or not target:
        return None
    objects = env.get_domain("py").objects
    at = written_at(wanted)
    if at not in objects:
        named = [
            n for n, entry in objects.items() if n.endswith(f".{target}") and not entry.aliased
        ]
        if len(named) != 1:
            return None
        (at,) = named
    reference = nodes.reference("", "", text, internal=True)
    page = app.builder.get_relative_uri(node["refdoc"], objects[at].docname)
    reference["refuri"] = f"{page}#{objects[at].node_id}"
    return reference


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer it to Sphinx for each reference that is missing."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

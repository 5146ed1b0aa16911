"""Lets a docstring name a thing as readers do: `md.simple_loss`, which lies in `minidiff.losses.simple`.

The package exports its functions at the top, and the API pages document them in their modules. A
reference is resolved by its last name. Where several things are called so, the one in the package that the
reference names is meant: `minidiff.flow.invert` and `minidiff.invert` are two; and the one that lies least
deep there.
"""

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    """Resolve a Python reference that Sphinx did not, or leave it unresolved."""
    package, _, target = node.get("reftarget", "").rpartition(".")
    if node.get("refdomain") != "py" or not target:
        return None
    python = env.get_domain("py")
    named = {
        name: (entry.docname, entry.node_id)
        for name, entry in python.objects.items()
        if name.endswith(f".{target}") and not entry.aliased
    }
    inside = [name for name in named if name.startswith(f"{package}.")] or list(named)
    depth = min((name.count(".") for name in inside), default=0)
    places = {named[name] for name in inside if name.count(".") == depth}
    if len(places) != 1:
        return None
    ((page, anchor),) = places
    reference = nodes.reference("", "", text, internal=True)
    reference["refuri"] = f"{app.builder.get_relative_uri(node['refdoc'], page)}#{anchor}"
    return reference


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer it to Sphinx for each reference that is missing."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

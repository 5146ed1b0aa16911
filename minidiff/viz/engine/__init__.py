"""Networks that draw in the reader's page: a network as a list of few operations, and as a script."""

from .pack import halved, page_network, script_of
from .program import Operation, Program, Value
from .trace import trace

__all__ = ["Operation", "Program", "Value", "halved", "page_network", "script_of", "trace"]

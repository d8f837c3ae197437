"""What may be shipped: `gate`, `issues` and `registry`."""

from .gate import gate
from .issues import issues
from .registry import registry

PLACE = 75
"""Where the commands of this folder stand in the help."""
COMMANDS = (gate, issues, registry)

"""What may be shipped: `quantize`, `gate`, `issues` and `registry`."""

from .gate import gate
from .issues import issues
from .quantize import quantize
from .registry import registry

PLACE = 75
"""Where the commands of this folder stand in the help."""
COMMANDS = (quantize, gate, issues, registry)

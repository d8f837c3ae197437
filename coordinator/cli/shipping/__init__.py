"""What may be shipped: `gate` and `issues`."""

from .gate import gate
from .issues import issues

PLACE = 75
"""Where the commands of this folder stand in the help."""
COMMANDS = (gate, issues)

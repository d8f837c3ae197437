"""What people do with sets before any model runs: `set` and `calibration`."""

from .calibration import calibration
from .sets import sets

PLACE = 15
"""Where the commands of this folder stand in the help."""
COMMANDS = (sets, calibration)

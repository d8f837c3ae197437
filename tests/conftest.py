"""What holds for every test: none depends on a quiet machine, so no example has a deadline.

Devices have the runtime for tests.
"""

from __future__ import annotations

import os

from bitgauge.agents.registry import FAKES
from hypothesis import settings

os.environ[FAKES] = "1"

settings.register_profile("bitgauge", deadline=None)
settings.load_profile("bitgauge")

"""Driver, control loop, client, proxy and server process: the whole street."""

from __future__ import annotations

import sys
from pathlib import Path

# What tests share with the programs that they start is imported by name in both.
sys.path.insert(0, str(Path(__file__).parent))

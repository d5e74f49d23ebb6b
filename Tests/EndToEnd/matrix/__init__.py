"""Any client, any server: what must come out of each meeting."""

import sys
from pathlib import Path

# The checks know the fixture servers' values from the module that makes them.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))

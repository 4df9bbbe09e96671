"""Measurements: how right readings are (accuracy), how safe letters are (poison), how fast (speed), how large (memory).

No part of the product.

The drawing code of sample_sc is imported by module name, as its own scripts do.
"""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SAMPLES = CHECKOUT / "sample_sc"

if str(SAMPLES) not in sys.path:
    sys.path.append(str(SAMPLES))

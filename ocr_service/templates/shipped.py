"""Where the vendor templates that come with the package lie.

In an installed wheel they are inside the package; in a checkout, beside it.
Knows two folders; must not know what a template is.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def shipped_templates() -> Path:
    """Return the folder of the vendor templates: the wheel's where there is one, else the checkout's."""
    package = Path(str(files("ocr_service")))
    inside = package / "vendor_templates"
    return inside if inside.is_dir() else package.parent / "vendor_templates"

"""Learn the letters of the shipped templates from the samples: `python -m bench.letters [--out DIR]`.

What the samples print stands in truth.json, so that no engine's word is believed that differs from it. The fonts of an
earlier run are replaced, not merged with.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench import SAMPLES
from ocr_service import equipment
from ocr_service.author.expected import Expected
from ocr_service.author.learning import Stated, learn
from ocr_service.author.statements import by_report
from ocr_service.cli_templates import with_pixels
from ocr_service.screen.font_files import keep_fonts
from ocr_service.screen.fonts import Fonts

SHIPPED = SAMPLES.parent / "vendor_templates"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED, help="the folder of templates that the fonts go to")
    out = parser.parse_args().out
    truth = json.loads((SAMPLES / "truth.json").read_text(encoding="utf-8"))
    expected = [
        Expected(entry["study_instance_uid"], (), entry["dlp_total"], tuple(entry["events"]), line)
        for line, entry in enumerate(truth, start=1)
        if entry["outcome"] == "verified"
    ]
    screens = {
        entry["study_instance_uid"]: [SAMPLES / entry["folder"] / name for name in entry["files"]] for entry in truth
    }
    for path in out.rglob("*.font"):
        path.unlink()
    library, readers = equipment.both(None)
    readers.use(Fonts())
    for template in library.templates:
        stated = (one for one in by_report(expected, screens, with_pixels) if isinstance(one, Stated))
        learned = learn(template, stated, library, readers)
        for refused in learned.refused:
            print(f"refused {refused.about}: {refused.sentence}")
        for path in keep_fonts(learned.fonts, out):
            print(path)


if __name__ == "__main__":
    main()

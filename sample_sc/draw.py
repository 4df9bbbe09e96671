"""Draw all samples: `python sample_sc/draw.py [--out DIR]` writes the files, truth.json and README.md.

The same call writes the same bytes, always. Must not import ocr_service.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import ge_studies
import ge_unusual
import ge_variants
import other_studies
import philips_studies
import siemens_studies
import siemens_variants
import toshiba_studies
import toshiba_variants
from samples import Sample

HERE = Path(__file__).resolve().parent

STUDIES: tuple[Callable[[], Sample], ...] = (
    ge_studies.scout_and_helical,
    ge_studies.many_rows,
    ge_studies.two_pages,
    ge_studies.french,
    ge_studies.bolus_tracking,
    ge_studies.brivo,
    ge_studies.comments_and_sequence,
    ge_studies.with_images,
    ge_studies.two_series,
    ge_studies.header_only,
    ge_unusual.double_size,
    ge_unusual.multi_frame,
    ge_unusual.missing_page,
    ge_unusual.wrong_total,
    ge_unusual.swapped_columns,
    ge_unusual.pixel_out,
    ge_unusual.other_patient,
    ge_unusual.truncated,
    ge_unusual.native_report,
    ge_variants.no_marker,
    siemens_studies.no_letters,
    siemens_studies.letters,
    siemens_studies.letters_with_star,
    siemens_studies.totals_reversed,
    siemens_studies.phantom_type,
    siemens_studies.two_positions,
    siemens_studies.overlay_va40a,
    siemens_studies.saved_twice,
    siemens_variants.large_page,
    siemens_variants.no_total,
    siemens_variants.marks_head_first,
    toshiba_studies.summary_and_detail,
    toshiba_studies.both_phantoms,
    toshiba_studies.canon,
    toshiba_studies.three_pages,
    toshiba_variants.stacked,
    toshiba_variants.expected_only,
    philips_studies.dose_information,
    philips_studies.dose_info_colour,
    philips_studies.exam_summary,
    philips_studies.exam_summary_jpeg,
    other_studies.unknown_maker,
)

TABLE_START, TABLE_END = "<!-- drawn by draw.py: -->", "<!-- end -->"


def write(sample: Sample, out: Path) -> None:
    """Write the files of one sample below `out`."""
    folder = out / sample.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(sample.file_names, sample.files, strict=True):
        (folder / name).write_bytes(content)


def table(samples: list[Sample]) -> str:
    """The table of README.md."""
    lines = ["| folder | files | purpose | encoding | expected |", "|---|---|---|---|---|"]
    for sample in samples:
        lines.append(
            f"| `{sample.folder}` | {len(sample.files)} | {sample.purpose} | {sample.encoding} | {sample.outcome} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Draw everything into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE)
    out: Path = parser.parse_args().out
    samples = [study() for study in STUDIES]
    for sample in samples:
        write(sample, out)
    truth = [sample.truth() for sample in samples]
    (out / "truth.json").write_text(json.dumps(truth, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = (HERE / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(TABLE_START)
    after = rest.split(TABLE_END)[1]
    (out / "README.md").write_text(f"{before}{TABLE_START}\n\n{table(samples)}\n\n{TABLE_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""A template that uses most of the language, and how it is put into a folder."""

from __future__ import annotations

from pathlib import Path

PAGE = r"""title: Acme dose page
status: drawn
revision: 1
match:
  Manufacturer: ACME*
  ImageType: ["*DOSE*", SUMMARY]
screen: {rows: 512, columns: 512}
choices:
  phantoms:
    head: [Head]
    body: [Body]
pages:
  dose:
    anchors:
      title: {text: Dose, area: {left: 0, top: 0, right: 200, bottom: 40}}
      dlp: {text: DLP, area: {left: 0, top: title.bottom, right: 200, bottom: title.bottom + 40}}
    fields:
      dlp_total:
        area: {left: dlp.right + 4, top: 10, right: 400, bottom: 60}
        type: decimal
        unit: mGy.cm
    table:
      area: {left: 0, top: dlp.bottom, right: 512, bottom: 480}
      group: '(?P<protocol>[A-Z].*)'
      columns:
        dlp: {left: 0, right: 80, type: decimal, unit: mGy.cm, pattern: '\d{1,4}\.\d', heading: dlp}
        phantom: {left: 80, right: 160, type: choice, choices: phantoms}
checks:
  - {sum_of: dlp, equals: dlp_total, within: 0.10}
companions:
  - {name: patient page, match: {ImageType: PATIENT_INFO}}
examples:
  - {file: acme.dcm, dlp_total: 1.10}
"""


def written(folder: Path, text: str = PAGE, name: str = "acme/dose") -> Path:
    path = folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path

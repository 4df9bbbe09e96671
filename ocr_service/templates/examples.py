"""What an author promises of a screen: the words of `examples` in a template.

Knows expected values as texts; must not know layouts, files or who reads them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ocr_service.templates.wording import Complaint, Model, SomeWords, Word

Told = Literal[
    "series_number", "acquisition_type", "acquisition_protocol", "scanning_range", "mean_ctdivol", "dlp", "phantom",
    "kvp",
]  # fmt: skip
TOLD_BY_DEFAULT: tuple[Told, ...] = ("acquisition_type", "mean_ctdivol", "dlp", "phantom")
NOTHING = "-"


class Example(Model):
    """A screen and what must be read from it: the template's own proof.

    `file` is one object or several, in the order of their pages. `rows` come in the order of the page, one text a
    word of `columns`: numbers as printed, type and phantom as concepts (spiral, body), `-` for nothing.
    """

    file: SomeWords
    outcome: Literal["verified", "needs_review"] = "verified"
    dlp_total: Word | None = None
    columns: Annotated[tuple[Told, ...], Field(min_length=1)] = TOLD_BY_DEFAULT
    rows: tuple[tuple[Word, ...], ...] = ()

    @model_validator(mode="after")
    def _rows_fill_the_columns(self) -> Example:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                wanted = f"{len(self.columns)} texts: {', '.join(self.columns)}"
                raise Complaint(f"the row has {len(row)} texts; it needs {wanted}", "rows", str(number))
        return self

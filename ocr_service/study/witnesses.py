"""What texts and images say beside a report: witnesses where they agree, findings where they do not.

Knows report and alignment; must not know data sets. Pure.

Both are one-sided. Equal they vouch; unequal they are a note, for real ones differ in their last digits, and slices
under tube-current modulation say anything from 8.9 to 19.5 where the page says 14. A console's text that is more than
10 % away is a doubt, images never are. However many texts agree, they are one witness: a procedure step's (MPPS) too,
for the same console wrote it. One that is not finished is never a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from ocr_service.dose.proof import Proven, settle
from ocr_service.dose.report import (
    CTDoseReport,
    Finding,
    IrradiationEvent,
    Phantom,
    Reading,
    Witness,
    WitnessKind,
    doubt,
    note,
)
from ocr_service.study.agreement import consistent, decimals, equal_as_printed, far_apart, printed_number
from ocr_service.study.alignment import Aligned, AlignedEvent
from ocr_service.study.filling import filled
from ocr_service.study.images import ImageEvent, plain
from ocr_service.study.stated import IMAGES, OF_STEPS, SPOKEN

Number = Reading[Decimal]
_HUNDREDTH = Decimal("0.01")


def with_witnesses(
    report: CTDoseReport, aligned: Aligned, sources: frozenset[str], *, must_agree: bool = False
) -> tuple[CTDoseReport, tuple[Finding, ...]]:
    """Let what agrees vouch for CTDIvol, DLP and total, and fill in what the layout does not print.

    sources: those the template names as telling the same quantities (`comments`, `exposure_sequence`, `private_text`,
    `images`), the first two of procedure steps as well; others fill in, but vouch for nothing. must_agree: any
    difference of a text is a doubt. Readings that gained a witness are settled anew, so findings on unproven values
    belong after this step.
    """
    sources = sources | {step for step, attribute in OF_STEPS.items() if attribute in sources}
    findings: list[Finding] = list(aligned.notes)
    finest = _Finest(
        max((decimals(event.mean_ctdivol.value) for event in report.events if event.mean_ctdivol), default=0),
        max((decimals(event.dlp.value) for event in report.events if event.dlp), default=0),
    )
    events = []
    for number, (event, told) in enumerate(zip(report.events, aligned.events, strict=True), start=1):
        event = _vouched_event(event, told, sources, finest)
        findings += _differences(event, told, sources, f"row {number}", must_agree)
        events.append(filled(event, told))
    report, found = _with_total(replace(report, events=tuple(events)), aligned, sources, must_agree)
    findings += found
    for row in aligned.unmatched:
        if row.source in sources:
            sentence = f"{SPOKEN[row.source]} states a dose that is no row of the page"
            findings.append(doubt("rows", sentence) if must_agree and row.final else note("rows", sentence))
    return report, tuple(dict.fromkeys(findings))


class _Finest:
    """Digits after the point in the finest cell of the two dose columns."""

    def __init__(self, ctdivol: int, dlp: int) -> None:
        self.ctdivol, self.dlp = ctdivol, dlp


def _vouched_event(
    event: IrradiationEvent, told: AlignedEvent, sources: frozenset[str], finest: _Finest
) -> IrradiationEvent:
    ctdivol, dlp = event.mean_ctdivol, event.dlp
    for row in told.stated:
        if row.source in sources:
            beside = (event.phantom, row.phantom)
            ctdivol = _vouched(ctdivol, row.ctdivol, WitnessKind.CONSOLE_TEXT, finest.ctdivol, beside)
            dlp = _vouched(dlp, row.dlp, WitnessKind.CONSOLE_TEXT, finest.dlp, beside)
    images = told.images
    if images is not None and IMAGES in sources and not images.ambiguous and not _other(event.phantom, images.phantom):
        beside = (event.phantom, images.phantom)
        ctdivol = _vouched(ctdivol, images.mean_ctdivol, WitnessKind.IMAGES, finest.ctdivol, beside)
    return replace(event, mean_ctdivol=ctdivol, dlp=dlp, phantom=_with_its_number(event, ctdivol))


def _with_its_number(event: IrradiationEvent, ctdivol: Number | None) -> Reading[Phantom] | None:
    """The phantom, proven where it is the letter of a cell whose whole text is proven now."""
    phantom, before = event.phantom, event.mean_ctdivol
    if phantom is None or phantom.proven or before is None or ctdivol is None or not ctdivol.proven:
        return phantom
    verdict = settle(ctdivol.evidence)
    told = printed_number(verdict.text)
    is_its_letter = told is not None and told.mark != "" and told.mark == phantom.text.strip("()[] ")
    if phantom.evidence != before.evidence or not is_its_letter:
        return phantom
    return replace(phantom, evidence=ctdivol.evidence, proven=True)


def _other(printed: Reading[Phantom] | None, stated: Phantom | None) -> bool:
    return printed is not None and stated is not None and stated is not printed.value


def _vouched(
    reading: Number | None,
    stated: Decimal | None,
    kind: WitnessKind,
    finest: int,
    beside: tuple[Reading[Phantom] | None, Phantom | None] = (None, None),
) -> Number | None:
    """The reading with one voice more for each of its texts that the stated number agrees with, settled anew.

    beside: the printed phantom and the stated one. A number whose cell names the phantom by a letter is vouched for
    only where the phantom is stated too, for the whole text is what a witness proves.
    """
    if reading is None or not stated:
        return reading
    evidence = reading.evidence
    told = settle(evidence).text
    for text in dict.fromkeys(witness.text for witness in evidence.witnesses):
        # A cell may print its label along with the number; the reading's own text is the number alone.
        printed = printed_number(text) or (printed_number(reading.text) if text == told else None)
        if printed is None or not equal_as_printed(printed.value, stated):
            continue
        if printed.mark and not _vouches_for_mark(printed.mark, *beside):
            continue
        # A digit lost at a number's end looks like rounding; the other cells of the column show that it is none.
        if printed.value != stated and decimals(printed.value) < finest:
            continue
        evidence = evidence.and_witness(Witness(kind, text))
    return reading if evidence == reading.evidence else _settled(replace(reading, evidence=evidence), told)


def _vouches_for_mark(mark: str, printed: Reading[Phantom] | None, stated: Phantom | None) -> bool:
    return printed is not None and printed.value is stated and printed.text.strip("()[] ") == mark


def _settled(reading: Number, before: str) -> Number:
    """The reading by all its witnesses; `before` is the text whose number it was."""
    verdict = settle(reading.evidence)
    printed = printed_number(verdict.text) or (printed_number(reading.text) if verdict.text == before else None)
    if not isinstance(verdict, Proven) or printed is None:
        return replace(reading, proven=False)
    return replace(reading, value=printed.value, text=printed.text, proven=True)


def _differences(
    event: IrradiationEvent, told: AlignedEvent, sources: frozenset[str], where: str, must_agree: bool
) -> Iterator[Finding]:
    for row in told.stated:
        if row.source not in sources:
            continue
        found = [
            *_difference(f"{where}, mean_ctdivol", "mGy", event.mean_ctdivol, row.ctdivol, row.source, must_agree),
            *_difference(f"{where}, dlp", "mGy.cm", event.dlp, row.dlp, row.source, must_agree),
        ]
        if _other(event.phantom, row.phantom):
            sentence = f"{SPOKEN[row.source]} names another phantom than the page"
            found.append(doubt(f"{where}, phantom", sentence) if must_agree else note(f"{where}, phantom", sentence))
        yield from found if row.final else (note(one.where, one.sentence) for one in found)
    if told.images is not None and IMAGES in sources:
        yield from _image_notes(event, told.images, where)


def _difference(
    where: str, unit: str, reading: Number | None, stated: Decimal | None, source: str, must_agree: bool
) -> Iterator[Finding]:
    """What a text says differently; zero is what texts write where they know nothing."""
    if reading is None or not stated or consistent(reading.value, stated):
        return
    sentence = f"{SPOKEN[source]} states {plain(stated)} {unit} where the page says {reading.text}"
    yield doubt(where, sentence) if must_agree or far_apart(reading.value, stated) else note(where, sentence)


def _image_notes(event: IrradiationEvent, images: ImageEvent, where: str) -> Iterator[Finding]:
    """Why the images vouch for nothing, where they state a CTDIvol and do not."""
    if _other(event.phantom, images.phantom):
        yield note(f"{where}, phantom", "the images name another phantom than the page")
    if event.mean_ctdivol is None or images.ctdivol_range is None:
        return
    mean, (low, high) = images.mean_ctdivol, (_short(value) for value in images.ctdivol_range)
    if mean is not None and not images.ambiguous:
        if not consistent(event.mean_ctdivol.value, mean):
            sentence = f"the images state {_short(mean)} mGy where the page says {event.mean_ctdivol.text}"
            yield note(f"{where}, mean_ctdivol", sentence)
        return
    values = f"{low} mGy" if low == high else f"{low} to {high} mGy"
    why = "; ".join(reason for reason in (images.ambiguous, *images.notes) if reason)
    yield note(f"{where}, mean_ctdivol", f"the images state {values} and vouch for nothing: {why}")


def _short(value: Decimal) -> str:
    return plain(value.quantize(_HUNDREDTH))


def _with_total(
    report: CTDoseReport, aligned: Aligned, sources: frozenset[str], must_agree: bool
) -> tuple[CTDoseReport, list[Finding]]:
    """Let stated totals vouch for the printed one, or for the only total of one phantom."""
    totals = [total for total in aligned.totals if total[0] in sources]
    alone = report.dlp_total is None and len(report.phantom_totals) == 1
    reading = report.phantom_totals[0][1] if alone else report.dlp_total
    for _, total, _ in totals:
        reading = _vouched(reading, total, WitnessKind.CONSOLE_TEXT, 0)
    named = [(source, total) for source, total, is_named in totals if is_named]
    findings: list[Finding] = []
    if reading is not None and named and not any(consistent(reading.value, total) for _, total in named):
        source, total = named[-1]
        findings += _difference("dlp_total", "mGy.cm", reading, total, source, must_agree)
    if alone and reading is not None:
        return replace(report, phantom_totals=((report.phantom_totals[0][0], reading),)), findings
    return replace(report, dlp_total=reading) if not alone else report, findings

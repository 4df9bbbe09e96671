"""Words that consoles print in headings, totals and rows, in English, German, French and Japanese.

Knows words and what they mean; must not know where they stand. Only for drafts: a template says its own words.
"""

from __future__ import annotations

import re

from ocr_service.dose.quantities import Quantity
from ocr_service.templates.wording import fold

HEADINGS: dict[Quantity, tuple[str, ...]] = {
    Quantity.MEAN_CTDIVOL: ("CTDIvol", "CTDIvol*", "CTDI vol", "CTDI", "Mean CTDIvol", "IDSVvol", "IDSV"),
    Quantity.DLP: ("DLP", "PDL", "DLP*"),
    Quantity.SERIES_NUMBER: ("Series", "Serie", "Série", "Séries", "#", "No.", "Nr.", "Scan", "シリーズ", "番号"),
    Quantity.ACQUISITION_TYPE: (
        "Type", "Typ", "Scan Type", "Scantyp", "Mode", "Scan Mode", "Scanmodus", "Modus", "Mode de scan", "Acquisition",
        "タイプ", "スキャンタイプ", "スキャンモード",
    ),
    Quantity.ACQUISITION_PROTOCOL: (
        "Protocol", "Protokoll", "Protocole", "Label", "Scan Label", "Description", "Beschreibung", "Name",
        "プロトコル",
    ),
    Quantity.SCANNING_RANGE: (
        "Scan Range", "Range", "Scanbereich", "Bereich", "Plage", "Plage balayage", "Étendue", "範囲", "スキャン範囲",
    ),
    Quantity.PHANTOM: ("Phantom", "Phantom Type", "Phantomtyp", "Fantôme", "PH", "ファントム"),
    Quantity.KVP: ("kV", "KV", "kVp", "管電圧"),
    Quantity.TUBE_CURRENT_TIME: ("mAs", "Total mAs", "mAs total", "mAs / ref.", "eff. mAs", "Gesamt mAs"),
    Quantity.ROTATION_TIME: ("TI", "Rot. Time", "Rotation Time", "Rotationszeit", "Temps de rotation"),
    Quantity.EXPOSURE_TIME: (
        "Scan time", "Exposure Time", "Time", "Scanzeit", "Zeit", "Temps", "Temps d'exposition", "スキャン時間", "時間",
    ),
    Quantity.COLLIMATED_SLICE: ("cSL", "Slice", "Coll.", "Collimation", "Kollimation", "スライス厚"),
    Quantity.CTDIW: ("CTDIw",),
    Quantity.EXPECTED_CTDIVOL: ("CTDIvol.e", "Expected CTDIvol"),
    Quantity.EXPECTED_DLP: ("DLP.e", "Expected DLP"),
    Quantity.EFFECTIVE_CTDIVOL: ("Eff.CTDIvol", "Effective CTDIvol"),
    Quantity.EFFECTIVE_DLP: ("Eff.DLP", "Effective DLP"),
    Quantity.SSDE: ("SSDE",),
    Quantity.WATER_EQUIVALENT_DIAMETER: ("Dw",),
    Quantity.IMAGES: ("Images", "Bilder", "画像"),
}  # fmt: skip
TYPES: dict[str, tuple[str, ...]] = {
    "constant_angle": ("Scout", "Topogram", "Topogramm", "Surview", "Scanoscope", "Scanogram", "Localizer", "Scano"),
    "spiral": ("Helical", "Spiral", "Spirale", "Cardiac Helical", "Hélicoïdal", "HELICAL_CT", "ヘリカル"),
    "sequenced": ("Axial", "Sequence", "Sequenz", "Séquence", "Sequential", "NORMAL", "ノーマル"),
    "stationary": ("Cine", "Stationary", "SmartView", "SmartStep", "DYNAMIC", "VOLUME", "Cinématique"),
}
# How a draft calls the anchor of a heading.
ANCHOR_NAMES: dict[Quantity, str] = {
    Quantity.MEAN_CTDIVOL: "ctdivol",
    Quantity.SERIES_NUMBER: "series",
    Quantity.ACQUISITION_TYPE: "type",
    Quantity.ACQUISITION_PROTOCOL: "protocol",
    Quantity.SCANNING_RANGE: "scan_range",
    Quantity.KVP: "kv",
    Quantity.TUBE_CURRENT_TIME: "mas",
}
NUMBERS = re.compile(r"\d+(?:\.\d+)?")
PAGE_MARKER = re.compile(r"\d{1,2} ?/ ?\d{1,2}")
_UNIT = re.compile(r"[(\[]?(?:mGy|mGy[.*\-·]?cm|kVp?|mAs?|s|sec|mm|cm|%)[)\]]?", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"(?P<word>.+?) ?[(\[](?P<unit>[^()\[\]]+)[)\]] ?:?")
_TOTAL = re.compile(r"total|sum\b|summe|gesamt|somme|合計", re.IGNORECASE)
_OTHER_TOTAL = re.compile(r"mAs|time|zeit|temps|images", re.IGNORECASE)
_TITLE = re.compile(r"dose|dosis|protocol|protokoll|線量", re.IGNORECASE)
_PATIENT_ID = re.compile(r"(?P<label>Patient(?:en)?[ -]?ID|ID patient|Pat\. ?ID|患者ID) ?: ?\S+", re.IGNORECASE)
# The first spelling of a word is the one to write.
_FOLDED = {fold(word): (quantity, word) for quantity, words in HEADINGS.items() for word in reversed(words)}
_TYPE = {fold(word): concept for concept, words in TYPES.items() for word in words}


def is_unit(text: str) -> bool:
    """Is the text a unit and nothing else?"""
    return _UNIT.fullmatch("".join(text.split())) is not None


def heading(text: str) -> Quantity | None:
    """What a heading stands for; a unit in brackets behind it says nothing of that."""
    known = _FOLDED.get(fold(text))
    if known is None and (match := _IN_BRACKETS.fullmatch(text.strip())) is not None and is_unit(match["unit"]):
        known = _FOLDED.get(fold(match["word"]))
    return known[0] if known is not None else None


def spelled(text: str) -> str:
    """The heading as consoles mean it, where engines confuse I and l; else as it was read."""
    known = _FOLDED.get(fold(text))
    if known is not None:
        return known[1]
    match = _IN_BRACKETS.fullmatch(text.strip())
    word = _FOLDED.get(fold(match["word"])) if match is not None else None
    return text if match is None or word is None else text.replace(match["word"], word[1], 1)


def acquisition_type(text: str) -> str | None:
    """The concept of a row's type; None for a word that is not known."""
    return _TYPE.get(fold(text))


def phantom(text: str) -> str | None:
    """head or body, by the word or by the diameter in cm; None where neither is said."""
    if re.search(r"head|kopf|tête|頭|\b16\b", text, re.IGNORECASE):
        return "head"
    return "body" if re.search(r"body|körper|corps|体|\b32\b", text, re.IGNORECASE) else None


def is_total(text: str) -> bool:
    """Does the text speak of a total that may be the DLP's?"""
    return _TOTAL.search(text) is not None and _OTHER_TOTAL.search(text) is None


def says_dlp(text: str) -> bool:
    """Does the text name the dose-length product?"""
    return re.search(r"dlp|pdl", text, re.IGNORECASE) is not None


def is_title(text: str) -> bool:
    """Does the text name a page of doses?"""
    return _TITLE.search(text) is not None and not NUMBERS.search(text)


def patient_id_label(text: str) -> str | None:
    """The label before a patient's number; None where the text is no such line."""
    match = _PATIENT_ID.fullmatch(text.strip())
    return match["label"] if match is not None else None

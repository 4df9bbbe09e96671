"""Words that consoles print in headings, totals and rows, in English, German, French and Japanese.

Knows words and what they mean; must not know where they stand. Only for drafts: a template says its own words.
"""

from __future__ import annotations

import re

from ocr_service.dose.quantities import Quantity
from ocr_service.templates.wording import fold

HEADINGS: dict[Quantity, tuple[str, ...]] = {
    Quantity.MEAN_CTDIVOL: ("CTDIvol", "CTDIvol*", "CTDI vol", "CTDI", "Mean CTDIvol", "IDSVvol", "IDSV", "体積CTDI"),
    Quantity.DLP: ("DLP", "PDL", "DLP*", "Dose Length Product", "Dosislängenprodukt"),
    Quantity.SERIES_NUMBER: (
        "Series", "Serie", "Série", "Séries", "#", "No", "No.", "Nr", "Nr.", "N°", "Nº", "Scan", "Scan No.",
        "Series No.", "Série n°", "Serien-Nr.", "Acq.", "シリーズ", "シリーズ番号", "番号", "スキャン番号",
    ),
    Quantity.ACQUISITION_TYPE: (
        "Type", "Typ", "Scan Type", "Scantyp", "Mode", "Scan Mode", "Scanmodus", "Modus", "Mode de scan", "Acquisition",
        "Acquisition Type", "Acq. Mode", "Scanart", "Aufnahme", "Aufnahmeart", "Aufnahmetyp", "Aufnahmemodus",
        "Technik", "Technique", "Mode d'acquisition", "Type d'acquisition", "Type de scan", "Acquisition mode",
        "タイプ", "種類", "種別", "モード", "スキャンタイプ", "スキャン種別", "スキャンモード", "スキャン方式",
        "撮影モード", "撮影方法", "撮影種別",
    ),
    Quantity.ACQUISITION_PROTOCOL: (
        "Protocol", "Protocol Name", "Protokoll", "Protokollname", "Protocole", "Label", "Scan Label", "Description",
        "Scan Description", "Beschreibung", "Bezeichnung", "Name", "Nom", "Libellé", "Désignation", "Scan Name",
        "プロトコル", "プロトコル名", "撮影プロトコル",
    ),
    Quantity.SCANNING_RANGE: (
        "Scan Range", "Range", "Scanbereich", "Bereich", "Plage", "Plage balayage", "Étendue", "範囲", "スキャン範囲",
        "撮影範囲",
    ),
    Quantity.PHANTOM: (
        "Phantom", "Phantom Type", "Phantomtyp", "Phantomgröße", "Phantom Size", "CTDI Phantom", "Fantôme",
        "Type de fantôme", "PH", "ファントム", "ファントム径",
    ),
    Quantity.KVP: ("kV", "KV", "kVp", "Tension", "Röhrenspannung", "Spannung", "Tube Voltage", "管電圧"),
    Quantity.TUBE_CURRENT_TIME: ("mAs", "Total mAs", "mAs total", "mAs / ref.", "eff. mAs", "Gesamt mAs"),
    Quantity.ROTATION_TIME: (
        "TI", "Rot. Time", "Rotation Time", "Rotationszeit", "Temps de rotation", "回転時間", "回転速度",
    ),
    Quantity.EXPOSURE_TIME: (
        "Scan time", "Exposure Time", "Time", "Scanzeit", "Zeit", "Temps", "Temps d'exposition", "Durée", "Scandauer",
        "スキャン時間", "撮影時間", "時間",
    ),
    Quantity.COLLIMATED_SLICE: ("cSL", "Slice", "Coll.", "Collimation", "Kollimation", "スライス厚"),
    Quantity.CTDIW: ("CTDIw",),
    Quantity.EXPECTED_CTDIVOL: ("CTDIvol.e", "Expected CTDIvol"),
    Quantity.EXPECTED_DLP: ("DLP.e", "Expected DLP"),
    Quantity.EFFECTIVE_CTDIVOL: ("Eff.CTDIvol", "Effective CTDIvol"),
    Quantity.EFFECTIVE_DLP: ("Eff.DLP", "Effective DLP"),
    Quantity.SSDE: ("SSDE",),
    Quantity.WATER_EQUIVALENT_DIAMETER: ("Dw",),
    Quantity.IMAGES: ("Images", "Bilder", "画像", "画像数", "Nombre d'images"),
}  # fmt: skip
TYPES: dict[str, tuple[str, ...]] = {
    "constant_angle": (
        "Scout", "Topogram", "Topogramm", "Topogramme", "Surview", "Scanoscope", "Scanogram", "Localizer", "Localiser",
        "Scano", "Übersicht", "Übersichtsaufnahme", "Radio", "Mode radio", "Repérage", "スキャノ", "スカウト",
        "位置決め", "位置決め撮影", "トポグラム",
    ),
    "spiral": (
        "Helical", "Helix", "Spiral", "Spirale", "Spiralscan", "Cardiac Helical", "Hélicoïdal", "Hélicoïdale",
        "Hélice", "HELICAL_CT", "ヘリカル", "ヘリカルスキャン", "スパイラル", "らせん",
    ),
    "sequenced": (
        "Axial", "Sequence", "Sequenz", "Séquence", "Sequential", "Sequentiell", "Séquentiel", "Incrémental",
        "Axiale", "NORMAL", "ノーマル", "ノーマルスキャン", "アキシャル", "コンベンショナル", "シーケンス",
    ),
    "stationary": (
        "Cine", "Stationary", "SmartView", "SmartStep", "DYNAMIC", "VOLUME", "Cinématique", "Ciné", "Dynamique",
        "Dynamisch", "シネ", "ダイナミック",
    ),
}  # fmt: skip
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
# A dash, or a number with a mark or its unit behind it at most: `16 cm` is none.
DOSE = re.compile(r"-|\d+(?:\.\d+)?(?:[*A-Z]|\([a-z]\)|mGy.{0,4})?")
PAGE_MARKER = re.compile(r"(?:(?P<word>[^\W\d]+)[ :.]*)?\d{1,2} ?/ ?\d{1,2}")
_UNIT = re.compile(r"[(\[]?(?:mGy|mGy[^a-z0-9]?cm|mGyxcm|kVp?|mAs?|s|sec|ms|mm|cm|%)[)\]]?", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"(?P<word>.+?) ?[(\[](?P<unit>[^()\[\]]+)[)\]] ?:?")
_TOTAL = re.compile(r"total|\bsum\b|summe|gesamt|somme|cumul|合計|総|積算", re.IGNORECASE)
_OTHER_TOTAL = re.compile(r"mAs|time|zeit|temps|images", re.IGNORECASE)
_HEAD, _BODY = r"head|kopf|schädel|tête|crâne|頭|(?<!\d)16(?!\d)", r"body|körper|corps|体|(?<!\d)32(?!\d)"
_TITLE = re.compile(r"dose|dosi|exposition|protocol|protokoll|線量", re.IGNORECASE)
_PATIENT_ID = re.compile(
    r"(?P<label>Patient(?:en)?[ -]?(?:ID|Nr\.?|number)|ID[ -]?patient|N° patient|Pat\.?[ -]{0,2}(?:ID|Nr\.?)"
    r"|患者 ?ID|患者番号) ?[:\uff1a] ?\S+",
    re.IGNORECASE,
)
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
    if re.search(_HEAD, text, re.IGNORECASE):
        return "head"
    return "body" if re.search(_BODY, text, re.IGNORECASE) else None


def says_both_phantoms(text: str) -> bool:
    """Does the text name the head and the body phantom?"""
    return all(re.search(words, text, re.IGNORECASE) for words in (_HEAD, _BODY))


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

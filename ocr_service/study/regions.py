"""Target Region (TID 10013 row 3) from what headers say of the body part, as a code of CID 4030.

Knows the defined terms of Body Part Examined (0018,0015) with their codes (PS3.16 annex L) and words of protocol names;
must not know data sets. Two regions with a name of their own together are that one; two without are none: nothing is
guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise

from ocr_service.dose.report import CodedConcept, CTDoseReport, Finding, IrradiationEvent, Origin, note

# Body Part Examined -> SNOMED CT code and meaning, all of them in CID 4030.
REGIONS: dict[str, tuple[str, str]] = {
    "ABDOMEN": ("818981001", "Abdomen"),
    "ABDOMENPELVIS": ("818982008", "Abdomen and Pelvis"),
    "ABDOMINALAORTA": ("7832008", "Abdominal aorta"),
    "ADRENAL": ("23451007", "Adrenal gland"),
    "ANKLE": ("70258002", "Ankle joint"),
    "AORTICARCH": ("57034009", "Aortic arch"),
    "BLADDER": ("89837001", "Bladder"),
    "BRAIN": ("12738006", "Brain"),
    "BREAST": ("76752008", "Breast"),
    "CALCANEUS": ("80144004", "Calcaneus"),
    "CAROTID": ("69105007", "Carotid Artery"),
    "CHEST": ("816094009", "Chest"),
    "CHESTABDOMEN": ("416550000", "Chest and Abdomen"),
    "CHESTABDPELVIS": ("416775004", "Chest, Abdomen and Pelvis"),
    "CIRCLEOFWILLIS": ("11279006", "Circle of Willis"),
    "CLAVICLE": ("51299004", "Clavicle"),
    "COCCYX": ("64688005", "Coccyx"),
    "COLON": ("71854001", "Colon"),
    "CORONARYARTERY": ("41801008", "Coronary artery"),
    "CSPINE": ("122494005", "Cervical spine"),
    "CTSPINE": ("1217257000", "Cervico-thoracic spine"),
    "ELBOW": ("16953009", "Elbow joint"),
    "ESOPHAGUS": ("32849002", "Esophagus"),
    "EXTREMITY": ("66019005", "Extremity"),
    "EYE": ("81745001", "Eye"),
    "FEMUR": ("71341001", "Femur"),
    "FIBULA": ("87342007", "Fibula"),
    "FINGER": ("7569003", "Finger"),
    "FOOT": ("56459004", "Foot"),
    "FOREARM": ("14975008", "Forearm"),
    "HAND": ("85562004", "Hand"),
    "HEAD": ("69536005", "Head"),
    "HEADNECK": ("774007", "Head and Neck"),
    "HEART": ("80891009", "Heart"),
    "HIP": ("24136001", "Hip joint"),
    "HUMERUS": ("85050009", "Humerus"),
    "IAC": ("361078006", "Internal Auditory Canal"),
    "ILIUM": ("22356005", "Ilium"),
    "JAW": ("661005", "Jaw region"),
    "KIDNEY": ("64033007", "Kidney"),
    "KNEE": ("72696002", "Knee"),
    "LARYNX": ("4596009", "Larynx"),
    "LIVER": ("10200004", "Liver"),
    "LOWERLEG": ("30021000", "Lower leg"),
    "LOWERLIMB": ("61685007", "Lower limb"),
    "LSPINE": ("122496007", "Lumbar spine"),
    "LSSPINE": ("1217253001", "Lumbo-sacral spine"),
    "MANDIBLE": ("91609006", "Mandible"),
    "MASTOID": ("59066005", "Mastoid bone"),
    "MAXILLA": ("70925003", "Maxilla"),
    "MEDIASTINUM": ("72410000", "Mediastinum"),
    "NECK": ("45048000", "Neck"),
    "NECKCHEST": ("417437006", "Neck and Chest"),
    "NECKCHESTABDOMEN": ("416152001", "Neck, Chest and Abdomen"),
    "NECKCHESTABDPELV": ("416319003", "Neck, Chest, Abdomen and Pelvis"),
    "ORBIT": ("363654007", "Orbital structure"),
    "PANCREAS": ("15776009", "Pancreas"),
    "PATELLA": ("64234005", "Patella"),
    "PELVIS": ("816092008", "Pelvis"),
    "PELVISLOWEXTREMT": ("1231522001", "Pelvis and lower extremities"),
    "PHANTOM": ("706342009", "Phantom"),
    "PULMONARYA": ("81040000", "Pulmonary artery"),
    "RENALA": ("2841007", "Renal artery"),
    "RIB": ("113197003", "Rib"),
    "SCAPULA": ("79601000", "Scapula"),
    "SELLA": ("42575006", "Sella turcica"),
    "SHOULDER": ("16982005", "Shoulder"),
    "SIJOINT": ("39723000", "Sacroiliac joint"),
    "SKULL": ("89546000", "Skull"),
    "SPINE": ("421060004", "Spine"),
    "SPLEEN": ("78961009", "Spleen"),
    "SSPINE": ("54735007", "Sacrum"),
    "STERNUM": ("56873002", "Sternum"),
    "STOMACH": ("69695003", "Stomach"),
    "THIGH": ("68367000", "Thigh"),
    "THORACICAORTA": ("113262008", "Thoracic aorta"),
    "THORAX": ("816094009", "Chest"),
    "THYROID": ("69748006", "Thyroid"),
    "TLSPINE": ("1217256009", "Thoraco-lumbar spine"),
    "TMJ": ("53620006", "Temporomandibular joint"),
    "TOE": ("29707007", "Toe"),
    "TRACHEA": ("44567001", "Trachea"),
    "TSPINE": ("122495006", "Thoracic spine"),
    "UPPERARM": ("40983000", "Upper arm"),
    "UPPERLIMB": ("53120007", "Upper limb"),
    "URETER": ("87953007", "Ureter"),
    "UTERUS": ("35039007", "Uterus"),
    "WHOLEBODY": ("38266002", "Entire body"),
    "WRIST": ("74670003", "Wrist joint"),
    "ZYGOMA": ("13881006", "Zygoma"),
}

# What people write in protocol names (English, German, French, Spanish, Italian) -> the defined terms it stands for.
_WORDS: dict[str, tuple[str, ...]] = {
    "ABD": ("ABDOMEN",),
    "ABDO": ("ABDOMEN",),
    "ABDOMINAL": ("ABDOMEN",),
    "ABDOPELVIS": ("ABDOMEN", "PELVIS"),
    "AP": (),
    "BECKEN": ("PELVIS",),
    "CAP": ("CHEST", "ABDOMEN", "PELVIS"),
    "CARDIAC": ("HEART",),
    "CEREBRAL": ("BRAIN",),
    "CERVEAU": ("BRAIN",),
    "COR": (),
    "CRANE": ("HEAD",),
    "CRANIAL": ("HEAD",),
    "HALS": ("NECK",),
    "HERZ": ("HEART",),
    "KIDNEYS": ("KIDNEY",),
    "KNIE": ("KNEE",),
    "KOPF": ("HEAD",),
    "KUB": ("ABDOMEN", "PELVIS"),
    "LUNG": ("CHEST",),
    "LUNGE": ("CHEST",),
    "LUNGS": ("CHEST",),
    "ORBITS": ("ORBIT",),
    "PELV": ("PELVIS",),
    "PEL": ("PELVIS",),
    "PELVIEN": ("PELVIS",),
    "SCHAEDEL": ("HEAD",),
    "SCHADEL": ("HEAD",),
    "TAP": ("CHEST", "ABDOMEN", "PELVIS"),
    "TESTA": ("HEAD",),
    "THOR": ("CHEST",),
    "THORACIC": ("CHEST",),
    "THORACO": ("CHEST",),
    "THORAX": ("CHEST",),
    "TORACE": ("CHEST",),
    "TORAX": ("CHEST",),
}
_SPINES = {
    "C": "CSPINE", "CERVICAL": "CSPINE", "T": "TSPINE", "THORACIC": "TSPINE", "DORSAL": "TSPINE", "L": "LSPINE",
    "LUMBAR": "LSPINE", "LS": "LSSPINE", "TL": "TLSPINE",
}  # fmt: skip
_SPINE = {"SPINE", "RACHIS", "WIRBELSAULE"}
# Neighbours along the body have names together; the head's inner parts are the head beside them.
_TOGETHER = {
    frozenset(("HEAD", "NECK")): "HEADNECK",
    frozenset(("NECK", "CHEST")): "NECKCHEST",
    frozenset(("CHEST", "ABDOMEN")): "CHESTABDOMEN",
    frozenset(("ABDOMEN", "PELVIS")): "ABDOMENPELVIS",
    frozenset(("CHEST", "ABDOMEN", "PELVIS")): "CHESTABDPELVIS",
    frozenset(("CHEST", "PELVIS")): "CHESTABDPELVIS",  # `chest to pelvis` passes the abdomen
    frozenset(("NECK", "CHEST", "ABDOMEN")): "NECKCHESTABDOMEN",
    frozenset(("NECK", "CHEST", "ABDOMEN", "PELVIS")): "NECKCHESTABDPELV",
    frozenset(("NECK", "PELVIS")): "NECKCHESTABDPELV",
    frozenset(("HEAD", "BRAIN")): "BRAIN",
    frozenset(("HEAD", "SKULL")): "HEAD",
    frozenset(("ABDOMEN", "KIDNEY")): "ABDOMEN",
    frozenset(("ABDOMEN", "LIVER")): "ABDOMEN",
    frozenset(("CHEST", "HEART")): "CHEST",
}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LETTERS = re.compile(r"[A-Z]+")
_MOST_LETTERS = 256


def target_region(
    body_part: str | None, protocol: str | None, description: str | None, mapping: Mapping[str, str]
) -> CodedConcept | None:
    """The region by the site's mapping, else by Body Part Examined, else by words of protocol or exam description.

    mapping: shell pattern (any case) on any of the three texts -> a defined term, code value or meaning of REGIONS;
    the first that fits wins. None where nothing names one region.
    """
    told = [text[:_MOST_LETTERS] for text in (body_part, protocol, description) if text]
    for pattern, name in mapping.items():
        if any(fnmatchcase(text.casefold(), pattern.casefold()) for text in told):
            return _named(name)
    if body_part:
        term = "".join(_LETTERS.findall(_plain(body_part).upper()))
        if term in REGIONS:
            return _coded(term)
    for text in told:
        found = _by_words(text)
        if found is not None:
            return found
    return None


def with_target_regions(
    report: CTDoseReport, description: str | None, mapping: Mapping[str, str]
) -> tuple[CTDoseReport, tuple[Finding, ...]]:
    """Give each event without a region the one that its parameters or the description name; else a note."""
    events: list[IrradiationEvent] = []
    findings: list[Finding] = []
    for number, event in enumerate(report.events, start=1):
        if event.target_region is None:
            printed = event.protocol.text if event.protocol else None
            protocol = printed or event.parameters.protocol
            event = replace(
                event, target_region=target_region(event.parameters.body_part, protocol, description, mapping)
            )
        if event.target_region is None:
            which = f"{'event' if report.origin is Origin.HEADER else 'row'} {number}"
            sentence = f"nothing names the body region of {which}: it is coded as unknown"
            findings.append(note(f"{which}, target_region", sentence))
        events.append(event)
    return replace(report, events=tuple(events)), tuple(findings)


def _coded(term: str) -> CodedConcept:
    value, meaning = REGIONS[term]
    return CodedConcept(value, "SCT", meaning)


def _named(name: str) -> CodedConcept | None:
    """A region as a mapping names it: by defined term, code value or meaning."""
    wanted = name.strip().casefold()
    for term, (value, meaning) in REGIONS.items():
        if wanted in (term.casefold(), value, meaning.casefold()):
            return _coded(term)
    return None


def _plain(text: str) -> str:
    """Letters without their accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _by_words(text: str) -> CodedConcept | None:
    words = _LETTERS.findall(_CAMEL.sub(" ", _plain(text)).upper())
    if _SPINE & set(words):
        named = {_SPINES[word] for word in words if word in _SPINES and len(word) > 2}
        named |= {_SPINES[before] for before, word in pairwise(words) if word in _SPINE and before in _SPINES}
        return _coded(named.pop()) if len(named) == 1 else _coded("SPINE")
    return _one(term for word in words for term in _terms(word))


def _terms(word: str) -> tuple[str, ...]:
    if word in _WORDS:
        return _WORDS[word]
    return (word,) if word in REGIONS else ()


def _one(terms: Iterable[str]) -> CodedConcept | None:
    named = frozenset(terms)
    if len(named) == 1:
        return _coded(next(iter(named)))
    return _coded(_TOGETHER[named]) if named in _TOGETHER else None

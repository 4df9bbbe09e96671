"""The only module that knows RapidOCR: the PP-OCR recogniser that its wheel carries, on ONNX Runtime.

Knows crops and texts; must not know what they mean. Models are loaded once, when the first crop is read, and
from the installed wheel only: nothing is downloaded, and nothing is reported to anybody.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ocr_service.dose.report import Box
from ocr_service.errors import EngineError, EngineMissing
from ocr_service.screen.engines import read_inked
from ocr_service.screen.preprocess import Crop, enlarge

# A narrow margin reads best: with 4 px all of 36 phantom letters behind a number were read, with 10 px 23.
PREPARATION = ("trim", "margin_4", "enlarge_3")
# Crops are filled up to widths of whole steps of their height: few shapes for ONNX Runtime to plan. What else is in
# a batch must not change what is read, so that every crop goes alone: a batch saves no time with narrow crops.
WIDTH_STEP = 0.25
NARROWEST = [3, 48, 48]  # the model's height; its least width would else be mostly empty
DETECTION_FACTOR = 2  # the detector looks for letters of some 20 px, consoles print half of it


class PPOCR:
    """The recogniser. threads: crops at once, one thread each."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._recogniser: Any = None

    def read(self, crops: Sequence[Crop], preparations: Sequence[Sequence[str]] | None = None) -> list[str]:
        """One stripped text a crop (uint8, bright on dark, with its margin).

        EngineError where the engine fails.
        """
        return read_inked(crops, preparations or [PREPARATION] * len(crops), self._run)

    def _run(self, crops: Sequence[Crop]) -> list[str]:
        recogniser = self._loaded()
        with ThreadPoolExecutor(self._threads) as pool:
            return list(pool.map(lambda crop: _text(recogniser, crop), crops))

    def _loaded(self) -> Any:
        if self._recogniser is None:
            self._recogniser = _recogniser()
        return self._recogniser


def _text(recogniser: Any, crop: Crop) -> str:
    from rapidocr.ch_ppocr_rec import TextRecInput  # costs 1.8 s: loaded where used

    try:
        texts = recogniser(TextRecInput(img=[cv2.merge([filled_up(crop)] * 3)])).txts
    except Exception as error:  # ONNX Runtime raises types of its own from every layer
        raise EngineError(f"PP-OCR failed over a crop: {type(error).__name__}") from error
    if len(texts) != 1:
        raise EngineError(f"PP-OCR gave {len(texts)} texts for one crop")
    return str(texts[0]).strip()


def filled_up(crop: Crop) -> Crop:
    """The crop with dark columns on both sides, up to the next whole step of its height."""
    height, width = crop.shape
    missing = max(0, math.ceil(height * WIDTH_STEP * math.ceil(width / (height * WIDTH_STEP))) - width)
    return np.pad(crop, ((0, 0), (missing // 2, missing - missing // 2)))


def _recogniser() -> Any:
    config = _configured("Rec")
    from rapidocr.ch_ppocr_rec import TextRecognizer

    config.Rec.font_path = None
    return TextRecognizer(config.Rec)


def find_text(pixels: Crop) -> list[Box]:
    """Where text stands on a page, by PP-OCR's detector: for who drafts a template, not for reading.

    pixels: uint8 (rows, columns), bright on dark. Boxes in its pixels, a little larger than the letters, sorted from
    the top left. EngineError where the engine fails.
    """
    config = _configured("Det")
    from rapidocr.ch_ppocr_det import TextDetector

    try:
        large = cv2.merge([enlarge(pixels, DETECTION_FACTOR)] * 3)
        corners = TextDetector(config.Det)(large).boxes
    except Exception as error:  # ONNX Runtime raises types of its own from every layer
        raise EngineError(f"PP-OCR found no text boxes: {type(error).__name__}") from error
    rows, columns = pixels.shape
    boxes = []
    for box in corners if corners is not None else ():
        xs, ys = box[:, 0] / DETECTION_FACTOR, box[:, 1] / DETECTION_FACTOR
        left, top = max(0, int(xs.min())), max(0, int(ys.min()))
        right, bottom = min(columns, math.ceil(xs.max())), min(rows, math.ceil(ys.max()))
        boxes.append(Box(left, top, max(left, right), max(top, bottom)))
    return sorted(boxes, key=lambda found: (found.top, found.left))


def _configured(task: str) -> Any:
    """RapidOCR's own settings, with the model of the task from the installed wheel. EngineMissing."""
    # Else ONNX Runtime keeps a number of this machine in the user's home, and reports to its maker. It looks once, when
    # it is loaded.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # noqa: TID251 (whoever reads by PP-OCR comes through here)
    try:
        import rapidocr
        from rapidocr.main import DEFAULT_CFG_PATH
        from rapidocr.utils.parse_parameters import ParseParams
    except ImportError as error:
        raise EngineMissing("PP-OCR is not installed; install it with: pip install rapidocr onnxruntime") from error
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    options = {
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "Rec.rec_img_shape": NARROWEST,
        "Rec.rec_batch_num": 1,
    }
    config = ParseParams.update_batch(ParseParams.load(DEFAULT_CFG_PATH), options)
    config[task].engine_cfg = config.EngineConfig["onnxruntime"]
    config[task].model_root_dir = Path(rapidocr.__file__).parent / "models"
    return config

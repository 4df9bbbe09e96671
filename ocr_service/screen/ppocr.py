"""The only module that knows RapidOCR: the PP-OCR recogniser that its wheel carries, on ONNX Runtime.

Knows crops and texts; must not know what they mean. Models are loaded once, when the first crop is read, and
from the installed wheel only: nothing is downloaded.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from ocr_service.errors import EngineError, EngineMissing
from ocr_service.screen.engines import read_inked
from ocr_service.screen.preprocess import Crop

# A narrow margin reads best: with 4 px all of 36 phantom letters behind a number were read, with 10 px 23.
PREPARATION = ("trim", "margin_4", "enlarge_3")
BATCH = 16
# Narrow: the cells of a dose table are short, and half of the default shape would be empty.
SHAPE = [3, 48, 96]


class PPOCR:
    """The recogniser. threads: of one inference."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._recogniser: Any = None

    def read(self, crops: Sequence[Crop], preparation: Sequence[str] | None = None) -> list[str]:
        """One stripped text a crop (uint8, bright on dark, with its margin).

        EngineError where the engine fails.
        """
        return read_inked(crops, preparation or PREPARATION, self._run)

    def _run(self, crops: Sequence[Crop]) -> list[str]:
        from rapidocr.ch_ppocr_rec import TextRecInput  # costs 1.8 s: loaded where used

        recogniser = self._loaded()
        try:
            texts = recogniser(TextRecInput(img=[cv2.merge([crop] * 3) for crop in crops])).txts
        except Exception as error:  # ONNX Runtime raises types of its own from every layer
            raise EngineError(f"PP-OCR failed over {len(crops)} crops: {type(error).__name__}") from error
        if len(texts) != len(crops):
            raise EngineError(f"PP-OCR gave {len(texts)} texts for {len(crops)} crops")
        return [str(text).strip() for text in texts]

    def _loaded(self) -> Any:
        if self._recogniser is None:
            self._recogniser = _recogniser(self._threads)
        return self._recogniser


def _recogniser(threads: int) -> Any:
    try:
        import rapidocr
        from rapidocr.ch_ppocr_rec import TextRecognizer
        from rapidocr.main import DEFAULT_CFG_PATH
        from rapidocr.utils.parse_parameters import ParseParams
    except ImportError as error:
        raise EngineMissing("PP-OCR is not installed; install it with: pip install rapidocr onnxruntime") from error
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    options = {
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "Rec.rec_img_shape": SHAPE,
        "Rec.rec_batch_num": BATCH,
    }
    config = ParseParams.update_batch(ParseParams.load(DEFAULT_CFG_PATH), options)
    config.Rec.engine_cfg = config.EngineConfig["onnxruntime"]
    config.Rec.model_root_dir = Path(rapidocr.__file__).parent / "models"
    config.Rec.font_path = None
    return TextRecognizer(config.Rec)

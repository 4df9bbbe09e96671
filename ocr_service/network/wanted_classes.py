"""The SOP classes that the retriever brings, and the encodings in which it takes them.

Knows UIDs; must not know peers.
"""

from __future__ import annotations

from typing import Final

from pydicom import uid

SECONDARY_CAPTURES: Final = frozenset({
    uid.SecondaryCaptureImageStorage, uid.MultiFrameSingleBitSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage, uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
})  # fmt: skip
CT_IMAGES: Final = frozenset({uid.CTImageStorage, uid.EnhancedCTImageStorage})
DOSE_REPORTS: Final = frozenset({uid.XRayRadiationDoseSRStorage, uid.EnhancedXRayRadiationDoseSRStorage})
OTHER_REPORTS: Final = frozenset({uid.EnhancedSRStorage, uid.ComprehensiveSRStorage, uid.Comprehensive3DSRStorage})

_PLAIN = [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian]
_COMPRESSED = [
    uid.RLELossless, uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1,
    uid.JPEGLSLossless, uid.JPEGLSNearLossless, uid.JPEG2000Lossless, uid.JPEG2000,
]  # fmt: skip
_DEFLATED = [uid.DeflatedExplicitVRLittleEndian]


def taken() -> list[tuple[str, list[uid.UID]]]:
    """Each SOP class with the transfer syntaxes of one presentation context.

    An acceptor chooses one syntax of a context, so a compressed object comes as it is stored only where its syntax
    has a context of its own: 87 of them, and 128 is the most that an association may have (PS3.8 9.3.2.2).
    """
    images = [(one, [syntax]) for one in sorted(SECONDARY_CAPTURES | CT_IMAGES) for syntax in _COMPRESSED]
    everything = sorted(SECONDARY_CAPTURES | CT_IMAGES | DOSE_REPORTS | OTHER_REPORTS)
    return [*((one, _PLAIN) for one in everything), *((one, _DEFLATED) for one in everything), *images]

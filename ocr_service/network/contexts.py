"""What our AE takes: SOP Classes, and for each the transfer syntaxes in the order in which we like them.

Knows UIDs; must not know associations or what becomes of an object.
"""

from __future__ import annotations

from pydicom import uid
from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # pynetdicom makes these names when it is imported
    ModalityPerformedProcedureStep,
    StorageCommitmentPushModel,
    Verification,
)

# Uncompressed ones first: what a console holds as pixels comes without loss. Each is one that screen/frames.py reads.
TRANSFER_SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.RLELossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
)
IMAGES = (
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameSingleBitSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    uid.CTImageStorage,
    uid.EnhancedCTImageStorage,
)
DOCUMENTS = (
    uid.XRayRadiationDoseSRStorage,
    uid.EnhancedXRayRadiationDoseSRStorage,  # the retriever asks for it, by C-MOVE to here too
    uid.EnhancedSRStorage,
    uid.ComprehensiveSRStorage,
    uid.Comprehensive3DSRStorage,
    uid.KeyObjectSelectionDocumentStorage,
)
MPPS = str(ModalityPerformedProcedureStep)
COMMITMENT = str(StorageCommitmentPushModel)
_PLAIN = TRANSFER_SYNTAXES[:4]  # no pixels: nothing to compress but by Deflate


def supported_contexts() -> list[PresentationContext]:
    """Storage, Verification and MPPS as SCP; storage commitment as SCU, which its SCP calls back (PS3.4 J.3.3)."""
    contexts = [build_context(sop_class, list(TRANSFER_SYNTAXES)) for sop_class in IMAGES]
    contexts += [build_context(sop_class, list(_PLAIN)) for sop_class in DOCUMENTS]
    contexts += [build_context(sop_class, list(_PLAIN[:2])) for sop_class in (Verification, MPPS)]
    commitment = build_context(COMMITMENT, list(_PLAIN[:2]))
    commitment.scu_role, commitment.scp_role = True, True  # the caller may be either, and says which (PS3.7 D.3.3.4)
    return [*contexts, commitment]

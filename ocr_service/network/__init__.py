"""DICOM and DICOMweb peers: what arrives, what is asked for, what is sent; not what becomes of an object."""

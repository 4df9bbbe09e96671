"""Reads CT dose screens, proves every number, emits X-Ray Radiation Dose SR."""

__version__ = "0.1.0"

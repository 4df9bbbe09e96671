"""Reads CT dose screens, proves every number, emits X-Ray Radiation Dose SR."""

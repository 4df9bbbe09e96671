"""The template language: what a layout looks like, and the strict loading of it."""

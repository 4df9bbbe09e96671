"""Work over many objects: which belong together, what became of each, and where the results are."""

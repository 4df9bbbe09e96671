"""The domain: dose reports, their evidence, and what it takes to believe them. Standard library only."""

"""The figures: ratios taken in one run on one machine, never absolute times, never a test."""

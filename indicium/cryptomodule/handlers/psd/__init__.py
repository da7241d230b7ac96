"""Handlers of the commands on a PSD (table E), a file for each family."""

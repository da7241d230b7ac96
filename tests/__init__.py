"""The tests mirror the package; `architecture` holds those that read the code itself."""

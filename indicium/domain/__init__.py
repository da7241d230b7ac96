"""What is true: the rules of the ledger, as values and pure functions.

No I/O, no clock, no randomness and no keys: everything here can be read, tested and replayed by itself. It stands on
the standard library and pydantic alone.
"""

"""A ledger of prepaid value.

Value goes into meters and leaves them as signed, value-bearing items. An emulated cryptographic module decides every
change, and what it decides is one append-only, hash-chained, partly signed stream of records per module. That stream is
the event store and the audit chain; registers, tables and reports are folds of it.

The rooms, from the outside in: `entrypoints`, `app`, `parties`, `infrastructure` and `projections`, `cryptomodule`,
`domain`. Imports point inwards.
"""

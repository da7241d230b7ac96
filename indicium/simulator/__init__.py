"""A simulated world around the real ledger: everything that can fail is drawn from one seed, and can be drawn again.

`Ledger`, `Places`, the module and the parties are the ones that everybody runs. Their machine is not: disks, database,
clock, generator and network are bytes in this process, and each of them can fail at every seam. What comes out is
judged by `checkers`, which know the form of records and items and nothing of the code that makes them.

Nothing imports this package but the verb `simulate` and the tests.
"""

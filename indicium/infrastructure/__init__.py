"""The world: the store, its migrations, the memory file of a module, the audit copy and the clock."""

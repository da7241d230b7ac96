"""A drill: on a copy of a ledger something is put back or altered, and it is shown what the engine does.

What is opened is a copy that can give nothing to anybody, under no circumstances (ADR 0027): its memory, with all that
was ever loaded from it, lives in this process alone; the module stands behind a door that has no way in for a request
and none out for a reply; whatever it seals bears a key of the drill's own; and nothing here can reach what serves
customers, which a contract between rooms sees to. The original is only read.
"""

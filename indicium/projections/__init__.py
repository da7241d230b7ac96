"""Folds of the streams: registers, module table and histories; each can be thrown away and rebuilt."""

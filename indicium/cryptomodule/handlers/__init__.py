"""Handlers: plain functions, one file for each family of commands. `dispatch.HANDLERS` joins them."""

"""What a module can be asked to do: frozen values, one file per family, without behaviour."""

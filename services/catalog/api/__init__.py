"""The catalog's servicers: convert, call, convert."""

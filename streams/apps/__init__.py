"""Faust apps of lower rate: each a screenful that calls `features` for any thinking."""

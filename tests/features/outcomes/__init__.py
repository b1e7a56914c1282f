"""Contacts, rules of silence and draws, against their plain readings."""

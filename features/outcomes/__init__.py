"""Keeps who was spoken to about what, and says from that who is left alone, and until when.

Law of the folder: a contact and its answers end in the same record in whatever order and however
often they come; every rule that forbids says until when, to the millisecond, from the records
alone. Public face: `contacts.Contacts`, `contact_policy.ContactPolicy`,
`silence.Silence`, `holdouts.Holdouts`.
"""

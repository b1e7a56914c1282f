"""Faust apps of lower rate: each a screenful that calls `features` for any thinking.

Law of the folder: at least once, made safe by idempotent upserts; decisions come from
`features`."""

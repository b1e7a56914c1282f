"""Runs the Faust apps of lower rate; their decisions are in `features`.

Law of the folder: at least once, made safe by idempotent upserts; decisions come from
`features`."""

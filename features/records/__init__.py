"""Turns the bytes of input records into checked columns, and a partition's into one sequence.

Law of the folder: knows nothing of tags, state or models. The exact decoder is the law, and the
compiled scanner accepts and refuses the same records. Public face: `batch.parse`,
`decoder.decode`, `sequence.Merge`."""

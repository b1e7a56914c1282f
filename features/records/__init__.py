"""Bytes of input records become checked columns, and those of one partition one sequence.

Law of the folder: knows nothing of tags, state or models. The exact decoder is the law, and the
compiled scanner accepts and refuses the same records. Public face: `batch.parse`,
`decoder.decode`, `sequence.Merge`."""

"""Live state of one partition: subjects, rows and event ids, folded by compiled kernels.

Law of the folder: every change goes through a kernel; what is kept merges, and does not depend
on how the input was cut into batches. Public face: `store.Store`, `contents.Contents`."""

"""Stores the live state of one partition: subjects, rows and event ids, folded by kernels.

Law of the folder: every change goes through a kernel; what is kept merges, and does not depend
on how the input was cut into batches. An event outside the span of consent that stands with its
account is turned away by the fold. Public face: `store.Store`, `contents.Contents`.
"""

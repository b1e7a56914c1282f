"""Tags texts: titles, synopses, keywords, page titles, descriptions of apps.

Law of the folder: text comes in, an embedding is a function that the caller brings (a model is
a file, and nothing here opens one), `tagger.TextTagger` is the public face. Only `learning`
knows River. The worker imports nothing of this: text becomes tags before it gets there.

Modules, left to right: wording, descriptions, matching, learning, tagger.
"""

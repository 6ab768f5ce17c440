"""The folder of a run, its record and its weights, also released and shipped ones.

`pretrained` holds the networks that come with the library.

Uses `models`.
"""

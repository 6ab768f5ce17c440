"""Export to SavedModel, TFLite and ONNX: networks alone, or the whole method.

`graphs` makes the functions to export, `formats` writes and runs the files, `checks`
compares them with what they were made of.
"""

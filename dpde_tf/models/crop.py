"""Cropping of one feature map to the size of another."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="dpde_tf")
class CropLike(keras.layers.Layer):
    """Cuts a map to the height and width of a second one.

    Call it with `[x, like]`: `x` is `[B, H, W, C]`, `like` is `[B, H', W', *]`. The
    result is `x[:, offset : offset + H', offset : offset + W']`, `[B, H', W', C]`.
    It needs `offset + H' <= H`, and the same of the width.

    Attributes:
        offset: Rows cut at the top, and columns cut at the left.
    """

    def __init__(self, offset: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, inputs: list) -> keras.KerasTensor:
        """Returns the first map, cropped to the size of the second."""
        x, like = inputs
        shape = keras.ops.shape(like)
        height, width = shape[1], shape[2]
        top = left = self.offset
        return x[:, top : top + height, left : left + width]

    def compute_output_shape(self, input_shape: list) -> tuple:
        """Returns `[B, H', W', C]`."""
        x, like = input_shape
        return (x[0], like[1], like[2], x[3])

    def get_config(self) -> dict:
        """Returns what the constructor needs to make the same layer again."""
        return {**super().get_config(), "offset": self.offset}

"""Optimisers of Keras with one kernel for the update of each weight.

Keras makes five passes over all weights for SGD with momentum, and a dozen for AdamW.
On a CPU, this takes a tenth or more of a training step of the depth network.
"""

import keras
import tensorflow as tf


class _ReducedGradients:
    """Takes gradients that are already summed over all replicas.

    Keras would sum them after clipping the gradient of each replica separately.
    """

    def _all_reduce_sum_gradients(
        self, grads_and_vars: list[tuple[tf.Tensor, tf.Variable]]
    ) -> list[tuple[tf.Tensor, tf.Variable]]:
        """Returns the gradients unchanged: the training step has summed them."""
        return grads_and_vars


@keras.saving.register_keras_serializable(package="dpde_tf")
class FusedSGD(_ReducedGradients, keras.optimizers.SGD):
    """`keras.optimizers.SGD` with momentum, by a kernel of TensorFlow.

    Source: Xu & Liu (2021), Sect. 4.2.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Updates one weight: m <- momentum m - rate g; weight <- weight + m."""
        if not self.momentum or self.nesterov:
            super().update_step(gradient, variable, learning_rate)
            return
        momentum = self.momentums[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=momentum.value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
        )


@keras.saving.register_keras_serializable(package="dpde_tf")
class FusedAdamW(_ReducedGradients, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, by a kernel of TensorFlow.

    Source: Loshchilov & Hutter (2019), Algorithm 2.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Updates one weight, from which Keras has already subtracted the decay."""
        if self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        kind = variable.dtype
        step = tf.cast(self.iterations + 1, kind)
        beta_1, beta_2 = tf.cast(self.beta_1, kind), tf.cast(self.beta_2, kind)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(learning_rate, kind),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, kind),
            grad=tf.cast(gradient, kind),
        )

"""Keras's optimisers with one kernel for the update of each weight.

Keras takes five passes over all weights for SGD with momentum and a dozen for AdamW,
which are a tenth of a training step of the depth network on a CPU, and more.
"""

import keras
import tensorflow as tf


class _ReducedGradients:
    """Takes the gradients of all replicas, where Keras takes those of one.

    Keras adds them up after it has clipped each replica's for itself.
    """

    def _all_reduce_sum_gradients(
        self, grads_and_vars: list[tuple[tf.Tensor, tf.Variable]]
    ) -> list[tuple[tf.Tensor, tf.Variable]]:
        """Leaves them as they are: the training step has added them up."""
        return grads_and_vars


@keras.saving.register_keras_serializable(package="dpde_tf")
class FusedSGD(_ReducedGradients, keras.optimizers.SGD):
    """`keras.optimizers.SGD` with momentum, by TensorFlow's kernel.

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
    """`keras.optimizers.AdamW`, by TensorFlow's kernel.

    Source: Loshchilov & Hutter (2019), Algorithm 2.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Updates one weight, whose decay Keras has subtracted before."""
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

"""Baseline solvers for the energy of the fusion, for the benchmark.

All use IRLS in the form of `dpde_tf.fusion.energy`. Each step solves for the change of
the depth, so that a solver can stop early, and fills the five diagonals of the matrix
in place. Only the linear solver differs, each with the matrix format that suits it
best.
"""

import dataclasses
import time
from collections.abc import Callable

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import tensorflow as tf

# Returns the change of the depth and the number of iterations for a matrix and a
# residual.
Solver = Callable[[scipy.sparse.dia_array, np.ndarray], tuple[np.ndarray, int]]

OMEGA, EPSILON = 10.0, 1e-4


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Result of a solver.

    Attributes:
        seconds: Time of the steps without the evaluation of the energy.
        num_steps: Number of IRLS steps.
        num_iterations: Total number of iterations of the linear solver.
        energy: Final energy.
    """

    seconds: float
    num_steps: int
    num_iterations: int
    energy: float


class Problem:
    """The energy of one image as a function of the change of its depth, in float64."""

    def __init__(
        self,
        depth: np.ndarray,
        gradient_x: np.ndarray,
        gradient_y: np.ndarray,
        *,
        omega: float = OMEGA,
        epsilon: float = EPSILON,
    ) -> None:
        """Stores three maps `[H, W]` and the parameters of the energy."""
        self.omega, self.epsilon = omega, epsilon
        self.shape = depth.shape
        self.num_pixels = depth.size
        depth = depth.astype(np.float64)
        self.target_x = gradient_x[:, :-1] - np.diff(depth, axis=1)
        self.target_y = gradient_y[:-1] - np.diff(depth, axis=0)

    def residuals(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the residuals of the depth, of x and of y."""
        along_x = np.diff(u, axis=1) - self.target_x
        return u, along_x, np.diff(u, axis=0) - self.target_y

    def energy(self, u: np.ndarray) -> float:
        """Returns the energy E."""
        data, *smooth = (np.sqrt(r * r + self.epsilon).sum() for r in self.residuals(u))
        return float(data + self.omega * sum(smooth))

    def system(
        self, u: np.ndarray, *, newton: bool = False
    ) -> tuple[scipy.sparse.dia_array, np.ndarray]:
        """Returns the matrix of the quadratic model and the negative gradient of E.

        With `newton`, the matrix is the Hessian of E.
        """
        height, width = self.shape
        data, along_x, along_y = residuals = self.residuals(u)
        weight = 1 / np.sqrt(data * data + self.epsilon)
        weight_x, weight_y = np.zeros(self.shape), np.zeros(self.shape)
        weight_x[:, :-1] = self.omega / np.sqrt(along_x * along_x + self.epsilon)
        weight_y[:-1] = self.omega / np.sqrt(along_y * along_y + self.epsilon)
        right = -weight * data
        pull_x, pull_y = weight_x[:, :-1] * along_x, weight_y[:-1] * along_y
        right[:, :-1] += pull_x
        right[:, 1:] -= pull_x
        right[:-1] += pull_y
        right[1:] -= pull_y
        if newton:
            seen = (weight, weight_x[:, :-1], weight_y[:-1])
            for part, r in zip(seen, residuals, strict=True):
                part *= self.epsilon / (r * r + self.epsilon)
        diagonal = weight + weight_x + weight_y
        diagonal[:, 1:] += weight_x[:, :-1]
        diagonal[1:] += weight_y[:-1]
        size = height * width
        bands = np.zeros((5, size))  # Band k of a DIA matrix starts in column k.
        bands[0, :-width] = bands[4, width:] = -weight_y.ravel()[:-width]
        bands[1, :-1] = bands[3, 1:] = -weight_x.ravel()[:-1]
        bands[2] = diagonal.ravel()
        offsets = [-width, -1, 0, 1, width]
        matrix = scipy.sparse.dia_array((bands, offsets), shape=(size, size))
        return matrix, right.ravel()


def minimise(
    problem: Problem, solver: Solver, target_energy: float, max_steps: int
) -> Outcome:
    """Runs IRLS until an energy is reached.

    Args:
        problem: Energy to minimise.
        solver: Solver of the linear systems.
        target_energy: Energy at which to stop.
        max_steps: Maximum number of steps.

    Returns:
        Outcome of the run.
    """
    u = np.zeros(problem.shape)
    seconds, count, energy, step = 0.0, 0, np.inf, 0
    while energy > target_energy and step < max_steps:
        start = time.perf_counter()
        matrix, right = problem.system(u)
        change, iterations = solver(matrix, right)
        u = u + change.reshape(u.shape)
        seconds += time.perf_counter() - start
        count, step, energy = count + iterations, step + 1, problem.energy(u)
    return Outcome(seconds, step, count, energy)


def exact() -> Solver:
    """Returns SciPy's `spsolve` with the faster ordering."""

    def solve(
        matrix: scipy.sparse.dia_array, right: np.ndarray
    ) -> tuple[np.ndarray, int]:
        columns = scipy.sparse.csc_array(matrix)
        order = "MMD_AT_PLUS_A"
        return scipy.sparse.linalg.spsolve(columns, right, permc_spec=order), 1

    return solve


def jacobi_cg(rtol: float) -> Solver:
    """Returns SciPy's conjugate gradients with the Jacobi preconditioner."""

    def solve(
        matrix: scipy.sparse.dia_array, right: np.ndarray
    ) -> tuple[np.ndarray, int]:
        inverse = 1 / matrix.diagonal()
        operator = scipy.sparse.linalg.LinearOperator(
            matrix.shape, matvec=lambda v: inverse * v, dtype=np.float64
        )
        return _counted_cg(matrix, right, rtol, operator)

    return solve


def algebraic_multigrid_cg(rtol: float) -> Solver:
    """Returns SciPy's conjugate gradients with a Ruge-Stueben V-cycle of PyAMG."""
    import pyamg

    def solve(
        matrix: scipy.sparse.dia_array, right: np.ndarray
    ) -> tuple[np.ndarray, int]:
        rows = scipy.sparse.csr_array(matrix)
        hierarchy = pyamg.ruge_stuben_solver(rows)
        return _counted_cg(matrix, right, rtol, hierarchy.aspreconditioner())

    return solve


def tensorflow_sparse_cg(rtol: float) -> Solver:
    """Returns Jacobi-CG on a `tf.sparse` matrix in a `tf.function`, in float32."""

    @tf.function(reduce_retracing=True)
    def iterate(matrix: tf.SparseTensor, b: tf.Tensor, inverse: tf.Tensor) -> tuple:
        def body(n, x, r, p, rho):  # noqa: ANN001, ANN202
            q = tf.sparse.sparse_dense_matmul(matrix, p)
            alpha = rho / tf.reduce_sum(p * q)
            x, r = x + alpha * p, r - alpha * q
            z = inverse * r
            rho_next = tf.reduce_sum(r * z)
            return n + 1, x, r, z + rho_next / rho * p, rho_next

        z = inverse * b
        rho = tf.reduce_sum(b * z)
        return tf.while_loop(
            lambda n, x, r, p, now: now > rtol**2 * rho,
            body,
            (tf.constant(0), tf.zeros_like(b), b, z, rho),
        )

    def solve(
        matrix: scipy.sparse.dia_array, right: np.ndarray
    ) -> tuple[np.ndarray, int]:
        entries = scipy.sparse.coo_array(scipy.sparse.csr_array(matrix))
        indices = np.stack(entries.coords, axis=1)
        values = entries.data.astype(np.float32)
        tensor = tf.SparseTensor(indices, values, matrix.shape)
        inverse = (1 / matrix.diagonal()).astype(np.float32)[:, None]
        count, x, *_ = iterate(tensor, right.astype(np.float32)[:, None], inverse)
        return x.numpy()[:, 0], int(count)

    return solve


def _counted_cg(
    matrix: scipy.sparse.dia_array,
    right: np.ndarray,
    rtol: float,
    preconditioner: scipy.sparse.linalg.LinearOperator,
) -> tuple[np.ndarray, int]:
    """Solves with SciPy and counts iterations."""
    count = []
    solution, _ = scipy.sparse.linalg.cg(
        matrix, right, rtol=rtol, M=preconditioner, callback=count.append
    )
    return solution, len(count)


# Tolerances of the linear systems: SciPy's default, and about the best for each solver.
SOLVERS = {
    "SciPy Jacobi-CG, tolerance 1e-5": lambda: jacobi_cg(1e-5),
    "SciPy Jacobi-CG, tolerance 0.2": lambda: jacobi_cg(0.2),
    "PyAMG-CG, tolerance 0.2": lambda: algebraic_multigrid_cg(0.2),
    "tf.sparse Jacobi-CG, tolerance 0.2": lambda: tensorflow_sparse_cg(0.2),
    "SciPy spsolve": exact,
}

"""Slow, obvious versions of what the library computes, written independently of it.

NumPy and SciPy in float64 only. Each section serves the tests of one module.
"""

import numpy as np
import scipy.ndimage
import scipy.sparse
import scipy.sparse.linalg

# Fusion: the energy by definition, and IRLS with an explicit matrix and a direct
# solver. Maps are [H, W].


def fusion_energy(
    fused, depth, gradient_x, gradient_y, *, omega, epsilon, confidence=1, gradient=1
):
    """E(fused), Eq. 5, summed over the differences that exist."""
    confidence = np.broadcast_to(confidence, depth.shape)
    gradient = np.broadcast_to(gradient, depth.shape)

    def phi(x):
        return np.sqrt(x**2 + epsilon)

    data = np.sum(confidence * phi(fused - depth))
    along_x = np.diff(fused, axis=1) - gradient_x[:, :-1]
    along_y = np.diff(fused, axis=0) - gradient_y[:-1]
    smooth = np.sum(gradient[:, :-1] * phi(along_x)) + np.sum(
        gradient[:-1] * phi(along_y)
    )
    return data + omega * smooth


def difference_matrix(height, width):
    """Sparse matrix of all forward differences: first those along x, then along y."""

    def differences(size):
        ones = np.ones(max(size - 1, 0))
        return scipy.sparse.diags_array(
            [-ones, ones], offsets=[0, 1], shape=(size - 1, size)
        )

    rows, columns = scipy.sparse.eye_array(height), scipy.sparse.eye_array(width)
    blocks = []
    if width > 1:
        blocks.append(scipy.sparse.kron(rows, differences(width)))
    if height > 1:
        blocks.append(scipy.sparse.kron(differences(height), columns))
    return scipy.sparse.csr_array(scipy.sparse.vstack(blocks))


def fuse_by_direct_solver(
    depth,
    gradient_x,
    gradient_y,
    *,
    omega=10.0,
    epsilon=1e-4,
    num_irls_iterations=10,
    confidence=1,
    gradient=1,
):
    """All iterates of IRLS, the first being `depth`: a list of [H, W]."""
    height, width = depth.shape
    matrix = difference_matrix(height, width)
    confidence = np.broadcast_to(confidence, depth.shape).ravel()
    gradient = np.broadcast_to(gradient, depth.shape)
    importance = omega * np.concatenate(
        [gradient[:, :-1].ravel(), gradient[:-1].ravel()]
    )
    target = np.concatenate([gradient_x[:, :-1].ravel(), gradient_y[:-1].ravel()])
    estimate = depth.astype(np.float64).ravel()
    fused = estimate
    iterates = [fused]
    for _ in range(num_irls_iterations):
        weight = confidence / np.sqrt((fused - estimate) ** 2 + epsilon)
        weights = importance / np.sqrt((matrix @ fused - target) ** 2 + epsilon)
        weighted = matrix.T @ scipy.sparse.diags_array(weights)
        normal = scipy.sparse.diags_array(weight) + weighted @ matrix
        right = weight * estimate + weighted @ target
        fused = scipy.sparse.linalg.spsolve(scipy.sparse.csc_array(normal), right)
        iterates.append(fused)
    return [iterate.reshape(height, width) for iterate in iterates]


def minimise_energy(
    start, depth, gradient_x, gradient_y, *, omega, epsilon, confidence, gradient
):
    """The minimum itself, to the last digits, by Newton's method from nearby."""
    matrix = difference_matrix(*depth.shape)
    importance = omega * np.concatenate(
        [gradient[:, :-1].ravel(), gradient[:-1].ravel()]
    )
    target = np.concatenate([gradient_x[:, :-1].ravel(), gradient_y[:-1].ravel()])
    fused = start.ravel()
    for _ in range(5):
        data, smooth = fused - depth.ravel(), matrix @ fused - target
        phi, phi_smooth = np.sqrt(data**2 + epsilon), np.sqrt(smooth**2 + epsilon)
        slope = confidence.ravel() * data / phi
        slope += matrix.T @ (importance * smooth / phi_smooth)
        curvature = scipy.sparse.diags_array(confidence.ravel() * epsilon / phi**3)
        curved = scipy.sparse.diags_array(importance * epsilon / phi_smooth**3)
        hessian = scipy.sparse.csc_array(curvature + matrix.T @ curved @ matrix)
        fused = fused - scipy.sparse.linalg.spsolve(hessian, slope)
    return fused.reshape(depth.shape)


def piecewise_planar_scene(rng, height, width):
    """A depth map as a network blurs it, and gradients as a network finds them.

    Tilted planes between 1 and 6 m with occlusion edges; the depth is blurred and
    noisy, the gradients are noisy with 1 % of outliers. Returns the true depth, the
    estimate, gradient_x and gradient_y.
    """
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    truth = 3 + 2 * rows - columns
    for _ in range(6):
        top, left = rng.uniform(0, 0.7, 2)
        inside = (abs(rows - top) < 0.15) & (abs(columns - left) < 0.15)
        slope_y, slope_x = rng.uniform(-1, 1, 2)
        plane = rng.uniform(1, 4) + slope_y * rows + slope_x * columns
        truth = np.where(inside, plane, truth)
    depth = scipy.ndimage.gaussian_filter(truth, 0.02 * max(height, width))
    depth += 0.1 * scipy.ndimage.gaussian_filter(
        rng.normal(size=truth.shape), 2
    ) + rng.normal(scale=0.01, size=truth.shape)
    gradients = []
    for axis in (1, 0):
        gradient = np.zeros_like(truth)
        inner = (slice(None), slice(-1)) if axis else (slice(-1),)
        gradient[inner] = np.diff(truth, axis=axis)
        gradient += rng.normal(scale=0.005, size=truth.shape)
        outliers = rng.random(truth.shape) < 0.01
        gradient[outliers] += rng.normal(scale=0.5, size=outliers.sum())
        gradients.append(gradient)
    return truth, depth, *gradients


def scene_batch(rng, size, num_scenes=1, dtype=np.float64):
    """`piecewise_planar_scene` as a list of four `[B, H, W, 1]`."""
    scenes = [piecewise_planar_scene(rng, *size) for _ in range(num_scenes)]
    return [np.stack(m)[..., None].astype(dtype) for m in zip(*scenes, strict=True)]

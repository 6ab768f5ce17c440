// A depth map as points, as a surface with cuts, and as what the cuts hide.
import * as THREE from 'three';

const UNSEEN = 0x4b535d;

export function bytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

// Metres; x right, y up, -z ahead.
function backProject(depth, camera) {
  const points = new Float32Array(3 * depth.length);
  depth.forEach((metres, pixel) => {
    const right = ((pixel % camera.width) - camera.centerX) / camera.focalX;
    const down = (Math.floor(pixel / camera.width) - camera.centerY) / camera.focalY;
    const ahead = camera.alongRay ? metres / Math.hypot(right, down, 1) : metres;
    points.set([right * ahead, -down * ahead, -ahead], 3 * pixel);
  });
  return points;
}

// Two triangles for each square of four measured pixels, where `wanted`.
function triangles(depth, { width, height }, wanted) {
  const index = [];
  for (let row = 0; row < height - 1; row++) {
    for (let column = 0; column < width - 1; column++) {
      const [a, b] = [row * width + column, row * width + column + 1];
      const [c, d] = [a + width, b + width];
      const measured = depth[a] && depth[b] && depth[c] && depth[d];
      if (measured && wanted(row * (width - 1) + column)) index.push(a, c, b, b, c, d);
    }
  }
  return index;
}

function depthColours(depth, [low, high], colours) {
  const last = colours.length - 1;
  const colour = (metres) => {
    const share = (metres - low) / Math.max(high - low, 1e-9);
    return colours[Math.round(last * Math.min(Math.max(share, 0), 1))];
  };
  return Uint8Array.from([...depth].flatMap(colour));
}

export class DepthMap {
  constructor({ name, depth, connected }, camera) {
    this.name = name;
    this.depth = new Float32Array(bytes(depth).buffer);
    this.measured = [...this.depth.keys()].filter((pixel) => this.depth[pixel] > 0);
    const distances = this.measured.map((pixel) => this.depth[pixel]).sort((a, b) => a - b);
    this.range = [distances[0], distances[distances.length - 1]];
    this.median = distances[Math.floor(distances.length / 2)];
    this.positions = backProject(this.depth, camera);
    const bits = bytes(connected);
    const isConnected = (square) => (bits[square >> 3] >> (square & 7)) & 1;
    this.connected = triangles(this.depth, camera, isConnected);
    this.cut = triangles(this.depth, camera, (square) => !isConnected(square));
  }

  // Lowest and highest coordinates.
  box() {
    const box = new THREE.Box3();
    this.measured.forEach((pixel) => {
      box.expandByPoint(new THREE.Vector3().fromArray(this.positions, 3 * pixel));
    });
    return box;
  }

  // Adds the objects of the map to a scene.
  addTo(scene, image, range, colours) {
    this.colours = {
      image: new THREE.BufferAttribute(image, 3, true),
      depth: new THREE.BufferAttribute(depthColours(this.depth, range, colours), 3, true),
    };
    const position = new THREE.BufferAttribute(this.positions, 3);
    const share = (kind, index, material) => {
      const geometry = new THREE.BufferGeometry();
      geometry.setAttribute('position', position);
      geometry.setIndex(index);
      const object = new kind(geometry, material);
      // Unmeasured pixels are at the origin, which would count in its bounds.
      object.frustumCulled = false;
      scene.add(object);
      return object;
    };
    const mesh = (index, options) =>
      share(THREE.Mesh, index, new THREE.MeshBasicMaterial({ side: THREE.DoubleSide, ...options }));
    this.points = share(
      THREE.Points,
      this.measured,
      new THREE.PointsMaterial({ vertexColors: true, sizeAttenuation: false }),
    );
    this.surface = mesh(this.connected, { vertexColors: true });
    this.unseen = mesh(this.cut, { color: UNSEEN });
    // From the camera's place the cuts have the colours that the camera saw there.
    this.seen = mesh(this.cut, {
      vertexColors: true,
      transparent: true,
      forceSinglePass: true,
    });
  }

  // `turned`: how far the viewer has left the camera's place, from 0 to 1.
  show({ visible, asPoints, colour, unseen, turned, size }) {
    for (const object of [this.points, this.surface, this.seen]) {
      object.geometry.setAttribute('color', this.colours[colour]);
    }
    this.points.visible = visible && asPoints;
    this.points.material.size = size;
    this.surface.visible = visible && !asPoints;
    this.unseen.visible = this.surface.visible && unseen;
    this.seen.visible = this.unseen.visible && turned < 1;
    this.seen.material.opacity = 1 - turned;
  }
}

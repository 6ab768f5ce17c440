// Axes along three edges of a box, and a scale bar, in metres.
import * as THREE from 'three';

const APART = 30; // pixels between labels

// The largest of 1, 2, 5, 10, ... (and their tenths) that is not above a length.
export function roundLength(length) {
  const power = 10 ** Math.floor(Math.log10(length));
  return power * [5, 2, 1].find((factor) => factor * power <= length * 1.000001);
}

function text(metres, step) {
  return metres.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

export class Axes {
  // They start at the lower left corner at the back of the box.
  constructor(scene, box, parent) {
    this.labels = [];
    this.parent = parent;
    const lines = [];
    const { x, y } = box.min;
    const back = box.min.z;
    const size = Math.max(...box.getSize(new THREE.Vector3()).toArray());
    const step = roundLength((size || -back || 1) / 5); // A single point has no size.
    const tick = step / 10;
    const axis = (name, low, high, point, mark) => {
      lines.push(point(low), point(high));
      const first = Math.ceil(low / step - 1e-6);
      const last = Math.floor(high / step + 1e-6);
      for (let number = first; number <= last; number++) {
        const metres = number * step;
        lines.push(point(metres), point(metres).add(mark));
        this.#label(text(metres, step), point(metres).addScaledVector(mark, 2.5));
      }
      this.#label(name, point(high).addScaledVector(mark, -2));
    };
    const down = new THREE.Vector3(0, -tick, 0);
    const left = new THREE.Vector3(-tick, 0, 0);
    axis('right, m', x, box.max.x, (right) => new THREE.Vector3(right, y, back), down);
    axis('up, m', y, box.max.y, (up) => new THREE.Vector3(x, up, back), left);
    axis('ahead, m', -box.max.z, -back, (ahead) => new THREE.Vector3(x, y, -ahead), down);
    const geometry = new THREE.BufferGeometry().setFromPoints(lines);
    // Drawn over the surface, as their labels are.
    const look = { color: 0xb7c0ca, transparent: true, opacity: 0.6, depthTest: false };
    this.lines = new THREE.LineSegments(geometry, new THREE.LineBasicMaterial(look));
    this.lines.renderOrder = 1;
    scene.add(this.lines);
  }

  #label(content, position) {
    const element = document.createElement('span');
    element.textContent = content;
    this.parent.append(element);
    this.labels.push({ element, position });
  }

  // Places the labels; those too near to another one are left out.
  show(visible, camera) {
    this.lines.visible = visible;
    const placed = [];
    for (const { element, position } of this.labels) {
      const { x, y, z } = position.clone().project(camera);
      const at = [((x + 1) / 2) * innerWidth, ((1 - y) / 2) * innerHeight];
      const free = placed.every(([left, top]) => Math.hypot(left - at[0], top - at[1]) > APART);
      const inside = Math.abs(x) < 1 && Math.abs(y) < 1 && z < 1;
      element.hidden = !(visible && inside && free);
      if (element.hidden) continue;
      placed.push(at);
      element.style.transform = `translate(${at[0]}px, ${at[1]}px) translate(-50%, -50%)`;
    }
  }
}

// A bar as long as a round number of metres at a distance from the viewer.
export function showScale(element, camera, distance) {
  const pixels = innerHeight / (2 * Math.tan((camera.fov * Math.PI) / 360) * distance);
  const metres = roundLength(Math.min(160, innerWidth / 3) / pixels);
  element.querySelector('div').style.width = `${metres * pixels - 4}px`; // and 2 borders
  const label = metres < 0.01 ? `${text(metres * 1000, 1)} mm` : `${text(metres, metres)} m`;
  element.querySelector('span').textContent = `${label}, at ${Number(distance.toPrecision(2))} m distance`;
}

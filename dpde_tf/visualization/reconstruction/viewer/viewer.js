import * as THREE from 'three';
import { OrbitControls } from 'orbit-controls';

const clouds = JSON.parse(document.getElementById('clouds').textContent);
const select = document.getElementById('cloud');
const sizeInput = document.getElementById('size');
let startDistance = 1;
const options = new URLSearchParams(location.hash.slice(1));

const renderer = new THREE.WebGLRenderer({ antialias: true });
renderer.setPixelRatio(devicePixelRatio);
// The colours of a photograph are shown as they are.
THREE.ColorManagement.enabled = false;
renderer.outputColorSpace = THREE.LinearSRGBColorSpace;
document.body.append(renderer.domElement);
const scene = new THREE.Scene();
scene.background = new THREE.Color(0x16191d);
const camera = new THREE.PerspectiveCamera();
const controls = new OrbitControls(camera, renderer.domElement);

function bytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function makePoints({ low, extent, points, colors }) {
  const geometry = new THREE.BufferGeometry();
  const levels = new Uint16Array(bytes(points).buffer);
  geometry.setAttribute('position', new THREE.BufferAttribute(levels, 3, true));
  geometry.setAttribute('color', new THREE.BufferAttribute(bytes(colors), 3, true));
  const material = new THREE.PointsMaterial({ vertexColors: true, sizeAttenuation: false });
  const object = new THREE.Points(geometry, material);
  object.scale.fromArray(extent);
  object.position.fromArray(low);
  // Shares of a box are not what three.js would cull by.
  object.frustumCulled = false;
  return object;
}

const objects = clouds.map(makePoints);
scene.add(...objects);
clouds.forEach(({ name }, index) => select.add(new Option(name, index)));

// The view of the camera that took the picture, which is at the origin.
function reset() {
  const { distance, angle } = clouds[clouds.length - 1];
  startDistance = distance;
  camera.fov = Math.min(Math.max(angle * 1.1, 20), 90);
  camera.near = distance / 100;
  camera.far = distance * 100;
  const around = (Number(options.get('azimuth')) * Math.PI) / 180;
  const up = (Number(options.get('elevation')) * Math.PI) / 180;
  controls.target.set(0, 0, -distance);
  camera.position.setFromSphericalCoords(distance, Math.PI / 2 - up, around);
  camera.position.add(controls.target);
  controls.update();
  draw();
}

// Of points that touch: grows as the viewer comes nearer.
function pointSize({ geometry }) {
  const rows = Math.sqrt(0.75 * geometry.attributes.position.count);
  const approach = startDistance / controls.getDistance();
  return (Number(sizeInput.value) * innerHeight * approach) / rows;
}

function draw() {
  renderer.setSize(innerWidth, innerHeight);
  camera.aspect = innerWidth / innerHeight;
  camera.updateProjectionMatrix();
  objects.forEach((object, index) => {
    object.visible = index === Number(select.value);
    object.material.size = pointSize(object);
  });
  renderer.render(scene, camera);
  document.body.dataset.points = renderer.info.render.points;
}

select.value = options.get('cloud') ?? clouds.length - 1;
select.hidden = clouds.length < 2;
controls.addEventListener('change', draw);
addEventListener('resize', draw);
select.addEventListener('change', draw);
sizeInput.addEventListener('input', draw);
document.getElementById('reset').addEventListener('click', reset);
reset();

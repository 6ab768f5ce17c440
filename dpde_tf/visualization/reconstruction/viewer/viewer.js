import * as THREE from 'three';
import { OrbitControls } from 'orbit-controls';
import { Axes, showScale } from 'axes';
import { bytes, DepthMap } from 'surface';

const BACKGROUND = 0x16191d;
// Beyond this angle the cuts show that the camera has not seen what is there, radians.
const TURNED = 0.1;
const find = (id) => document.getElementById(id);
const options = new URLSearchParams(location.hash.slice(1));
const data = JSON.parse(find('scene').textContent);
const scene = new THREE.Scene();
scene.background = new THREE.Color().setHex(BACKGROUND, THREE.LinearSRGBColorSpace);

function makeRenderer() {
  try {
    return new THREE.WebGLRenderer({ antialias: true });
  } catch (error) {
    document.body.textContent = 'This page needs a browser with WebGL 2.';
    throw error;
  }
}

// The colours of a photograph are shown as they are.
THREE.ColorManagement.enabled = false;
const renderer = makeRenderer();
renderer.outputColorSpace = THREE.LinearSRGBColorSpace;
document.body.prepend(renderer.domElement);
const camera = new THREE.PerspectiveCamera();
const controls = new OrbitControls(camera, renderer.domElement);

const maps = data.maps.map((map) => new DepthMap(map, data.camera));
const range = [
  Math.min(...maps.map((map) => map.range[0])),
  Math.max(...maps.map((map) => map.range[1])),
];
const image = bytes(data.image);
maps.forEach((map) => map.addTo(scene, image, range, data.colours));
const box = maps.reduce((all, map) => all.union(map.box()), new THREE.Box3());
const axes = new Axes(scene, box, find('labels'));
const distance = maps[maps.length - 1].median;
maps.forEach(({ name }, index) => find('map').add(new Option(name, index)));

function showLegend() {
  const [bar, numbers] = find('legend').children;
  const stops = data.colours.filter((_, index) => index % 15 === 0);
  bar.style.background = `linear-gradient(to right, ${stops.map((rgb) => `rgb(${rgb})`)})`;
  const [low, high] = range;
  [low, (low + high) / 2, high].forEach((metres) => {
    const number = document.createElement('span');
    number.textContent = `${metres.toFixed(1)} m`;
    numbers.append(number);
  });
}

// The angle of view that holds the whole image, degrees.
function fieldOfView() {
  const { width, height, focalX, focalY, centerX, centerY } = data.camera;
  const aside = Math.max(centerX, width - 1 - centerX) / focalX;
  const above = Math.max(centerY, height - 1 - centerY) / focalY;
  const half = Math.max(above, aside / camera.aspect) * 1.08;
  return Math.min((Math.atan(half) * 360) / Math.PI, 120);
}

// The view of the camera that took the picture, which is at the origin.
function reset() {
  camera.near = distance / 100;
  camera.far = distance * 100;
  const around = (Number(options.get('azimuth')) * Math.PI) / 180;
  const up = (Number(options.get('elevation')) * Math.PI) / 180;
  controls.target.set(0, 0, -distance);
  camera.position.setFromSphericalCoords(distance, Math.PI / 2 - up, around);
  camera.position.add(controls.target);
  controls.update();
  resize();
}

function resize() {
  renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
  renderer.setSize(innerWidth, innerHeight);
  camera.aspect = innerWidth / innerHeight;
  camera.fov = fieldOfView();
  camera.updateProjectionMatrix();
  draw();
}

// Of points that touch: grows as the viewer comes nearer.
function pointSize() {
  const pixel = innerHeight / (2 * Math.tan((camera.fov * Math.PI) / 360) * data.camera.focalY);
  return Number(find('size').value) * pixel * (distance / controls.getDistance());
}

function draw() {
  camera.updateMatrixWorld();
  const asPoints = find('shape').value === 'points';
  find('size-label').hidden = !asPoints;
  find('unseen-label').hidden = asPoints;
  find('legend').hidden = find('colour').value !== 'depth';
  const look = {
    asPoints,
    colour: find('colour').value,
    unseen: find('unseen').checked,
    turned: Math.min(camera.position.length() / (TURNED * distance), 1),
    size: pointSize(),
  };
  maps.forEach((map, index) => {
    map.show({ ...look, visible: index === Number(find('map').value) });
  });
  axes.show(find('axes').checked, camera);
  showScale(find('scale'), camera, controls.getDistance());
  renderer.render(scene, camera);
  document.body.dataset.points = renderer.info.render.points;
  document.body.dataset.triangles = renderer.info.render.triangles;
}

find('map').value = options.get('map') ?? maps.length - 1;
find('map').parentElement.hidden = maps.length < 2;
if (options.has('points')) find('shape').value = 'points';
if (options.has('depth')) find('colour').value = 'depth';
find('unseen').checked = !options.has('open');
find('panel').open = innerWidth > 520;
showLegend();
controls.addEventListener('change', draw);
addEventListener('resize', resize);
for (const id of ['map', 'shape', 'colour', 'unseen', 'size', 'axes']) {
  find(id).addEventListener('input', draw);
}
find('reset').addEventListener('click', () => {
  options.delete('azimuth');
  options.delete('elevation');
  reset();
});
reset();

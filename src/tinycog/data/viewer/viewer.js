// The page: which file is shown, and how; what is under the pointer; what it cost.
/* global L */

import { PictureLayer, errorOf, outlinesOfPixels, outlinesOnMap } from "./layers.js";
import { bytes, drawBars, drawHistogram, drawLegend, listRequests, number, short } from "./panels.js";

const $ = (id) => document.getElementById(id);

const ALL = Symbol("all files on one map");

const state = {
  list: null, // what is served
  colormaps: {},
  key: null, // of the file that is shown, or ALL
  info: null, // of that file
  view: "map", // or "pixels"
  map: null,
  picture: null, // the layer of tiles
  isShown: false, // whether all of its tiles have come once
  behind: null, // the layer that is seen until then
  outlines: null, // of stored tiles
  footprints: null,
  spreads: null, // of the bands that are shown
  level: null, // that the last tiles were taken from
  layout: null,
  next: 0, // number of the next request
  first: 0, // number of the first request of this view
};

async function ask(path, signal) {
  const response = await fetch(path, { signal, cache: "no-store" });
  if (!response.ok) throw new Error(await errorOf(response));
  return response.json();
}

const pathOf = (key) => `files/${key.split("/").map(encodeURIComponent).join("/")}`;

const base = () => (state.key === ALL ? "together" : pathOf(state.key));

function notice(text) {
  $("notice").textContent = text ?? "";
  $("notice").hidden = !text;
}

// --- what is shown -------------------------------------------------------------------------------

async function begin() {
  const list = (state.list = await ask("files.json"));
  $("version").textContent = `tinycog ${list.version}`;
  $("colormap").replaceChildren(...list.colormaps.map((name) => new Option(name, name)));
  ask("static/colormaps.json").then(({ colormaps }) => {
    state.colormaps = colormaps;
    if (state.info !== null) showLook();
  });
  if (list.is_one) return openFile(list.files[0].key);
  showList();
  if (list.files.length === 0) {
    $("title").textContent = list.title;
    $("picture-section").hidden = $("requests-section").hidden = true;
    return notice("There are no TIFFs in this folder.");
  }
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (list.files.some(({ key }) => key === wanted)) return openFile(wanted);
  try {
    await openAll();
  } catch {
    await openFile(list.files[0].key); // no file has a place on the map
  }
}

function showList() {
  const { list } = state;
  $("files-section").hidden = false;
  const shown = list.files.length;
  $("files-count").textContent =
    list.count === shown ? `(${number(shown)})` : `(the first ${number(shown)}${list.count ? ` of ${number(list.count)}` : ""})`;
  const all = listItem("All files on one map", ALL);
  all.className = "all";
  $("files").replaceChildren(all, ...list.files.map(({ key, name }) => listItem(name, key)));
  $("search").oninput = () => {
    const words = $("search").value.toLowerCase();
    for (const item of $("files").children) {
      item.hidden = item !== all && !item.textContent.toLowerCase().includes(words);
    }
  };
}

function listItem(name, key) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.onclick = () => (key === ALL ? openAll() : openFile(key)).catch((error) => notice(error.message));
  item.append(button);
  item.key = key;
  return item;
}

function mark(key) {
  state.key = key;
  for (const item of $("files").children) {
    item.firstChild.setAttribute("aria-current", String(item.key === key));
  }
  notice(null);
  $("values").replaceChildren();
  $("where").textContent =
    key === ALL
      ? "Choose a file by its outline or its name to read its values."
      : "Move the pointer over the picture to read its values.";
}

async function openFile(key) {
  const info = await ask(`${pathOf(key)}/view.json`);
  mark(key);
  if (!state.list.is_one) history.replaceState(null, "", `#${encodeURIComponent(key)}`);
  Object.assign(state, { info, spreads: null, level: null, layout: null, next: info.requests });
  state.view = info.place === null ? "pixels" : "map";
  showFacts(info);
  showChoices(info);
  makeMap();
}

async function openAll() {
  const place = await ask("together/info.json");
  mark(ALL);
  history.replaceState(null, "", location.pathname);
  const keys = state.list.files;
  const info = await ask(`${pathOf(keys[0].key)}/view.json`); // bands of the first stand for all
  Object.assign(state, { info: { ...info, place }, spreads: null, level: null, layout: null });
  state.view = "map";
  $("title").textContent = state.list.title;
  $("facts").textContent = "All files on one map, the first on top; bands and colours as in the first.";
  $("why").hidden = $("links").hidden = true;
  showChoices(state.info);
  makeMap();
}

function showFacts(info) {
  document.title = `${info.name} · tinycog`;
  $("title").textContent = info.name;
  const bands = info.bands.length === 1 ? "1 band" : `${info.bands.length} bands`;
  const facts = [
    `${number(info.width)} × ${number(info.height)} pixels`,
    `${bands} of ${info.dtype}`,
    info.levels.length > 1 ? `${info.levels.length} levels` : "no overviews",
    info.levels[0].compression.replace(/ \(\d+\)$/, ""),
    info.crs_name === null ? "no CRS" : info.crs_name,
    info.nodata === null ? null : `nodata ${info.nodata}`,
    info.file_size === null ? null : bytes(info.file_size),
  ];
  $("facts").textContent = facts.filter(Boolean).join(" · ");
  $("why").hidden = info.place !== null;
  $("why").textContent = `${info.why_no_place} Shown by pixels.`;
  const links = [["info.json", `${base()}/info.json`]];
  if (info.place !== null) links.push(["TileJSON", `${base()}/tilejson.json`]);
  if (info.has_bytes) links.push(["the file", `data/${base().slice("files/".length)}`]);
  $("links").hidden = false;
  $("links").replaceChildren(
    ...links.flatMap(([text, href], i) => {
      const link = document.createElement("a");
      link.textContent = text;
      link.href = href;
      link.target = "_blank";
      return i ? [" · ", link] : [link];
    }),
  );
}

const bandName = ({ index, description, colorinterp }, prefix = "band ") => {
  const about = description ?? (["undefined", "gray"].includes(colorinterp) ? null : colorinterp);
  return about ? `${index}: ${about}` : `${prefix}${index}`;
};

function showChoices(info) {
  const isAll = state.key === ALL;
  for (const input of document.getElementsByName("view")) {
    input.disabled = isAll ? input.value === "pixels" : input.value === "map" && info.place === null;
    input.checked = input.value === state.view;
  }
  const [colours, , three] = $("bands").options;
  colours.hidden = colours.disabled = !info.has_colours;
  three.hidden = three.disabled = info.bands.length < 3;
  $("bands").value = info.has_colours ? "colours" : info.shown.length === 3 ? "three" : "one";
  $("colormap").value = "gray";
  $("reversed").checked = info.photometric === "miniswhite";
  $("stretch").options[2].hidden = info.dtype !== "uint8";
  $("stretch").value = info.dtype === "uint8" ? "full" : "percentiles";
  for (const id of ["min", "max"]) $(id).value = "";
  $("level").replaceChildren(
    new Option("The one that suits", ""),
    ...(isAll ? [] : info.levels).map(
      ({ z, width, height }) =>
        new Option(`${z}: ${number(width)} × ${number(height)}${z === 0 ? ", full resolution" : ""}`, z),
    ),
  );
  $("level").disabled = isAll;
  $("grid").checked = false;
  $("grid").disabled = isAll;
  showIndexes(info.shown);
  showLook();
}

function showIndexes(chosen) {
  const count = { colours: 0, one: 1, three: 3 }[$("bands").value];
  const names = ["Red", "Green", "Blue"];
  $("indexes").replaceChildren(
    ...Array.from({ length: count }, (_, i) => {
      const select = document.createElement("select");
      select.setAttribute("aria-label", count === 1 ? "Band" : names[i]);
      select.append(...state.info.bands.map((band) => new Option(bandName(band, count === 1 ? undefined : ""), band.index)));
      select.value = chosen[i] ?? Math.min(i + 1, state.info.bands.length);
      select.onchange = () => changeLook({ bands: true });
      return select;
    }),
  );
}

const indexes = () => Array.from($("indexes").children, (select) => Number(select.value));

/** Shows the controls that the chosen bands have, and their spread once it is known. */
function showLook() {
  const bands = $("bands").value;
  $("indexes-row").hidden = bands === "colours";
  $("stretch-row").hidden = bands === "colours";
  $("ends-row").hidden = bands === "colours";
  $("ends-row").classList.toggle("wide", bands === "three" && $("stretch").value !== "full");
  $("histogram-box").hidden = bands === "colours" || state.spreads === null;
  $("colormap-row").hidden = bands !== "one";
  const name = colormapName();
  $("legend-box").hidden = bands !== "one";
  const colours = state.colormaps[name.replace(/_r$/, "")];
  if (bands === "one" && colours) drawLegend(colours, name.endsWith("_r"));
  const ends = stretchEnds();
  const text = (values) => {
    if (values === null) return "";
    const isSame = values.every((one) => one === values[0]);
    return isSame ? short(values[0], 6) : values.map((one) => short(one, 4)).join(", ");
  };
  if ($("stretch").value !== "own") {
    $("min").value = text(ends?.low ?? null);
    $("max").value = text(ends?.high ?? null);
  }
  $("legend-low").textContent = $("min").value;
  $("legend-high").textContent = $("max").value;
  if (state.spreads !== null && bands !== "colours") {
    $("histogram-box").hidden = false;
    if (ends) drawHistogram(state.spreads.bands, Math.min(...ends.low), Math.max(...ends.high));
    $("spread").textContent = `Values of ${state.spreads.of}`;
  }
}

const colormapName = () => {
  const name = $("colormap").value;
  return $("reversed").checked ? `${name}_r` : name;
};

/** What the stretch shows as black and white, for each band; null while that is not known. */
function stretchEnds() {
  const of = (low, high) => ({ low, high });
  const spreads = state.spreads?.bands;
  switch ($("stretch").value) {
    case "full":
      return of([0], [255]);
    case "percentiles":
      return spreads ? of(spreads.map((one) => one.low), spreads.map((one) => one.high)) : null;
    case "extremes":
      return spreads ? of(spreads.map((one) => one.least), spreads.map((one) => one.most)) : null;
    default:
      return ownEnds();
  }
}

function ownEnds() {
  const numbers = ["min", "max"].map((id) => {
    const found = $(id).value.split(",").map((text) => (text.trim() === "" ? NaN : Number(text)));
    const isRight = found.every(Number.isFinite) && (found.length === 1 || found.length === indexes().length);
    $(id).classList.toggle("wrong", !isRight);
    return isRight ? found : null;
  });
  return numbers.includes(null) ? null : { low: numbers[0], high: numbers[1] };
}

function query() {
  const found = new URLSearchParams();
  if ($("bands").value !== "colours") {
    found.set("indexes", indexes().join(","));
    const ends = $("stretch").value === "percentiles" && !state.spreads ? null : stretchEnds();
    if (ends) {
      found.set("min", ends.low.join(","));
      found.set("max", ends.high.join(","));
    }
    if ($("bands").value === "one" && colormapName() !== "gray") found.set("colormap", colormapName());
  }
  if ($("level").value !== "") found.set("level", $("level").value);
  const text = found.toString();
  return text && `?${text}`;
}

async function readSpreads() {
  const key = state.key;
  const wanted = indexes().join(",");
  const found = await ask(`${base()}/statistics.json?indexes=${wanted}`);
  if (key !== state.key || wanted !== indexes().join(",")) return;
  state.spreads = found;
  showLook();
  if ($("stretch").value === "extremes") drawPicture();
}

function changeLook({ bands = false } = {}) {
  if (bands) state.spreads = null;
  showLook();
  if ($("stretch").value === "own" && stretchEnds() === null) return;
  newView();
  if ($("stretch").value !== "extremes" || state.spreads) drawPicture();
  if (bands && $("bands").value !== "colours") readSpreads().catch((error) => notice(error.message));
}

// --- the map -------------------------------------------------------------------------------------

function makeMap() {
  state.map?.remove();
  Object.assign(state, { picture: null, isShown: false, behind: null, outlines: null, footprints: null });
  const { info } = state;
  const isMap = state.view === "map";
  const coarsest = -Math.max(Math.ceil(Math.log2(Math.max(info.width, info.height) / 256)), 0);
  const map = (state.map = L.map("map", {
    crs: isMap ? L.CRS.EPSG3857 : L.CRS.Simple,
    minZoom: isMap ? Math.max(info.place.minzoom - 2, 0) : coarsest - 1,
    maxZoom: isMap ? info.place.maxzoom : 6,
    attributionControl: false,
    maxBoundsViscosity: 0.8,
  }));
  if (isMap) L.control.scale({ imperial: false }).addTo(map);
  const bounds = boundsOf(info);
  map.setMaxBounds(bounds.pad(1));
  map.fitBounds(bounds, { animate: false, padding: [-24, -24] }); // rather a little over the edge than half as large
  map.on("movestart", newView);
  map.on("moveend", () => drawOutlines());
  map.on("mousemove", ({ latlng }) => pointAt(latlng));
  map.on("click", ({ latlng }) => pointAt(latlng));
  map.on("mouseout", () => clearTimeout(pointing));
  if (isMap && state.key !== ALL && info.place.outline) {
    L.geoJSON(eastward(info.place.outline, info.place.bounds[0]), {
      interactive: false,
      style: { color: "#5b6875", weight: 1, fill: false, dashArray: "3 4" },
    }).addTo(map);
  }
  newView();
  drawPicture();
  if (state.key === ALL) drawFootprints().catch((error) => notice(error.message));
  if ($("bands").value !== "colours") readSpreads().catch((error) => notice(error.message));
}

function boundsOf(info) {
  if (state.view === "map") {
    const [west, south, east, north] = info.place.bounds;
    return L.latLngBounds([Math.max(south, -85), west], [Math.min(north, 85), east]);
  }
  return L.latLngBounds([-info.height, 0], [0, info.width]);
}

/** GeoJSON with longitudes behind the antimeridian on the same side as the others. */
function eastward(geometry, west) {
  const turn = (one) =>
    typeof one[0] === "number" ? [one[0] < west - 1e-9 ? one[0] + 360 : one[0], one[1]] : one.map(turn);
  return { ...geometry, coordinates: turn(geometry.coordinates) };
}

function drawPicture() {
  const isMap = state.view === "map";
  const asked = query();
  const from = base();
  const kind = isMap ? "tiles" : "pixels";
  const urlOf = ({ z, x, y, across, down }) =>
    `${from}/${kind}/${Math.abs(z)}/${x}/${y}/${across}x${down}.png${asked}`;
  if (state.isShown) state.behind = state.picture; // it stays until the new one is there
  else state.picture?.remove();
  state.isShown = false;
  const layer = new PictureLayer(urlOf, told, {
    bounds: boundsOf(state.info),
    opacity: $("opacity").value / 100,
    noWrap: !isMap,
    keepBuffer: 1,
    minZoom: state.map.getMinZoom(),
    maxZoom: state.map.getMaxZoom(),
    ...(isMap ? {} : { maxNativeZoom: 0 }),
  });
  let hasFailed = false;
  layer.on("loading", () => {
    if (state.picture === layer) document.body.dataset.state = "loading";
  });
  layer.on("tileerror", () => (hasFailed = true));
  layer.on("load", () => {
    if (state.picture !== layer) return;
    document.body.dataset.state = "shown";
    if (!hasFailed) notice(lostText);
    hasFailed = false;
    state.behind?.remove();
    Object.assign(state, { isShown: true, behind: null });
    readRequests().catch(() => {});
  });
  let lostText = null;
  function told({ error, level, lost, picture }) {
    if (state.picture !== layer) return;
    if (error) notice(error);
    if (lost) lostText = `Some files could not be read: ${lost}`;
    if (picture) document.body.dataset.firstPicture ??= Math.round(performance.now());
    if (level !== undefined && level !== null && level !== state.level) showLevel(level);
  }
  state.picture = layer;
  layer.addTo(state.map);
}

function showLevel(level) {
  state.level = level;
  const { width, height } = state.info.levels[level] ?? {};
  $("shown").textContent =
    state.key === ALL || width === undefined ? "" : `Shown: level ${level}, ${number(width)} × ${number(height)}`;
  drawOutlines();
}

let outlining = null;

async function drawOutlines() {
  outlining?.abort();
  state.outlines?.remove();
  state.outlines = null;
  if (!$("grid").checked || state.level === null || state.key === ALL) return;
  const map = state.map;
  const bounds = map.getBounds();
  let found;
  if (state.view === "pixels") {
    found = outlinesOfPixels(state.info, state.info.levels[state.level], bounds);
    if (found === null) return notice("Too many stored tiles to draw their outlines here: zoom in.");
  } else {
    outlining = new AbortController();
    const view = { west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth() };
    const asked = new URLSearchParams({ ...view, level: state.level });
    try {
      const { tiles } = await ask(`${base()}/grid.json?${asked}`, outlining.signal);
      found = outlinesOnMap(tiles, state.info.place.bounds[0] - 1);
    } catch (error) {
      if (error.name !== "AbortError") notice(`${error.message}: zoom in to see them.`);
      return;
    }
  }
  if (map !== state.map) return;
  state.outlines?.remove();
  state.outlines = found.addTo(map);
}

async function drawFootprints() {
  const map = state.map;
  const found = await ask("footprints.json");
  if (map !== state.map) return;
  const west = state.info.place.bounds[0];
  state.footprints = L.geoJSON(null, {
    style: { color: "#1f5f99", weight: 1.5, fillOpacity: 0 },
    onEachFeature: ({ properties }, layer) => {
      layer.bindTooltip(document.createTextNode(properties.name).textContent.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`), { sticky: true });
      layer.on("click", () => openFile(properties.key).catch((error) => notice(error.message)));
      layer.on("mouseover", () => layer.setStyle({ weight: 3 }));
      layer.on("mouseout", () => layer.setStyle({ weight: 1.5 }));
    },
  });
  for (const feature of found.features) {
    state.footprints.addData({ ...feature, geometry: eastward(feature.geometry, west) });
  }
  state.footprints.addTo(map);
  const texts = [];
  if (!found.is_all) texts.push(`Outlines of the first ${number(found.features.length)} of ${number(found.count)} files.`);
  const count = found.failed.length;
  if (count) texts.push(`${count === 1 ? "One file" : `${count} files`} could not be read: ${found.failed[0].name}: ${found.failed[0].error}${count > 1 ? " …" : "."}`);
  const without = found.is_all ? found.count - found.features.length : 0;
  if (without) texts.push(`${without === 1 ? "One file has" : `${without} files have`} no place on the map: choose by name.`);
  $("failed").hidden = texts.length === 0;
  $("failed").textContent = texts.join(" ");
}

// --- what is under the pointer -------------------------------------------------------------------

let pointing = null;
let reading = null;

function pointAt(latlng) {
  clearTimeout(pointing);
  if (state.key === ALL || state.info === null) return;
  pointing = setTimeout(() => readValue(latlng).catch(() => {}), 60);
}

async function readValue(latlng) {
  reading?.abort();
  reading = new AbortController();
  const wrapped = state.view === "map" ? latlng.wrap() : latlng;
  const asked =
    state.view === "map"
      ? `lng=${wrapped.lng}&lat=${wrapped.lat}`
      : `col=${Math.floor(latlng.lng)}&row=${Math.floor(-latlng.lat)}`;
  let found;
  try {
    found = await ask(`${base()}/value.json?${asked}`, reading.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("where").textContent = error.message;
    return $("values").replaceChildren();
  }
  showValue(found, state.view === "map" ? wrapped : null);
  readRequests().catch(() => {});
}

function showValue(found, place) {
  const texts = [];
  if (place) texts.push(`${place.lng.toFixed(5)}°, ${place.lat.toFixed(5)}°`);
  if (!found.inside) {
    $("where").textContent = [...texts, "outside of the image"].join(" · ");
    return $("values").replaceChildren();
  }
  if (found.x !== undefined) texts.push(`x ${short8(found.x)}, y ${short8(found.y)}`);
  texts.push(`column ${number(found.col)}, row ${number(found.row)}`);
  $("where").textContent = texts.join(" · ");
  $("values").replaceChildren(
    ...state.info.bands.map((band, i) => {
      const box = document.createElement("span");
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = bandName(band);
      const value = document.createElement("b");
      value.className = found.valid[i] ? "value" : "value invalid";
      value.textContent = found.values[i];
      if (!found.valid[i]) value.title = "not valid";
      box.append(name, value);
      if (found.scaled !== null && found.valid[i]) box.append(` = ${found.scaled[i]}${band.unit ? ` ${band.unit}` : ""}`);
      else if (band.unit && found.valid[i]) box.append(` ${band.unit}`);
      return box;
    }),
  );
}

const short8 = (value) => String(Number(value.toPrecision(9)));

// --- what it cost --------------------------------------------------------------------------------

function newView() {
  state.first = state.next;
  $("cost").textContent = "This view: …";
}

async function readRequests() {
  if (state.key === ALL) {
    $("requests-section").hidden = true;
    return;
  }
  $("requests-section").hidden = false;
  const key = state.key;
  if (state.layout === null) {
    const layout = await ask(`${base()}/layout.json`);
    if (key !== state.key) return;
    state.layout = layout;
  }
  const found = await ask(`${base()}/requests.json?after=${state.first}`);
  if (key !== state.key) return;
  state.next = found.next;
  showCost(found.requests, found);
}

function showCost(requests, found = { count: 0, bytes: 0 }) {
  const counted = found.count === 1 ? "1 request" : `${number(found.count)} requests`;
  const total = state.next ? `; ${number(state.next)} since the file was opened` : "";
  $("cost").textContent = `This view: ${counted}, ${bytes(found.bytes)}${total}.`;
  $("bar-about").textContent ||= "Pink: what this view has requested.";
  if (state.layout !== null) drawBars(state.layout, requests);
  listRequests(requests);
  document.body.dataset.requests = found.count;
}

// --- controls ------------------------------------------------------------------------------------

for (const input of document.getElementsByName("view")) {
  input.onchange = () => {
    state.view = input.value;
    state.level = null;
    makeMap();
  };
}
$("bands").onchange = () => {
  showIndexes($("bands").value === "three" && state.info.shown.length < 3 ? [1, 2, 3] : state.info.shown);
  if ($("bands").value !== "one") $("reversed").checked = false;
  changeLook({ bands: true });
};
$("stretch").onchange = () => changeLook();
for (const id of ["min", "max"]) {
  $(id).onchange = () => {
    $("stretch").value = "own";
    changeLook();
  };
}
for (const id of ["colormap", "reversed", "level"]) $(id).onchange = () => changeLook();
$("opacity").oninput = () => state.picture?.setOpacity($("opacity").value / 100);
$("grid").onchange = () => drawOutlines();
window.addEventListener("resize", () => {
  if (state.info === null) return;
  showLook();
  if (state.layout !== null) readRequests().catch(() => {});
});

begin().catch((error) => {
  $("title").textContent = "This cannot be shown";
  $("picture-section").hidden = $("requests-section").hidden = true;
  notice(error.message);
});

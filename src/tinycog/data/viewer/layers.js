// Tiles of the picture, and outlines of stored tiles.
/* global L */

const TILE = 256;
const MOST = 64; // tiles of one picture

/** Tiles that are fetched together: so that the server plans what it reads of the file once. */
export const PictureLayer = L.GridLayer.extend({
  initialize(urlOf, told, options) {
    L.GridLayer.prototype.initialize.call(this, options);
    this._urlOf = urlOf;
    this._told = told;
    this._waiting = [];
    this.on("tileunload", ({ tile }) => tile.leave?.());
  },

  createTile(coords, done) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = TILE;
    if (this._isEnlarged(coords)) canvas.className = "enlarged";
    if (this._waiting.push({ coords, canvas, done }) === 1) queueMicrotask(() => this._ask());
    return canvas;
  },

  _isEnlarged(coords) {
    const native = this.options.maxNativeZoom;
    return native !== undefined && coords.z >= native && this._map.getZoom() > native;
  },

  _ask() {
    const tiles = this._waiting.splice(0);
    for (const block of blocksOf(tiles.map(({ coords }) => coords))) {
      const members = tiles.filter(({ coords }) => isIn(block, coords));
      const giveUp = new AbortController();
      let left = members.length;
      for (const { canvas } of members) {
        canvas.leave = () => --left || giveUp.abort(); // nobody waits for it any more
      }
      this._load(block, members, giveUp.signal).then(
        () => members.forEach(({ canvas, done }) => done(null, canvas)),
        (error) => {
          if (error.name !== "AbortError") this._told({ error: error.message });
          members.forEach(({ canvas, done }) => done(error, canvas));
        },
      );
    }
  },

  async _load(block, members, signal) {
    const response = await fetch(this._urlOf(block), { signal });
    if (!response.ok) throw new Error(await errorOf(response));
    const level = response.headers.get("Tinycog-Level");
    const lost = response.headers.get("Tinycog-Lost");
    const picture = await createImageBitmap(await response.blob());
    for (const { coords, canvas } of members) {
      const [x, y] = [(coords.x - block.x) * TILE, (coords.y - block.y) * TILE];
      canvas.getContext("2d").drawImage(picture, x, y, TILE, TILE, 0, 0, TILE, TILE);
    }
    picture.close();
    this._told({
      level: level === null ? null : Number(level),
      lost: lost === null ? null : decodeURIComponent(lost),
      picture: true,
    });
  },
});

const isIn = ({ z, x, y, across, down }, at) =>
  at.z === z && at.x >= x && at.x < x + across && at.y >= y && at.y < y + down;

/** Rectangles that have all the tiles, and nothing else. */
function blocksOf(coords) {
  const found = [];
  const sorted = coords.toSorted((one, other) => one.z - other.z || one.y - other.y || one.x - other.x);
  for (const { z, x, y } of sorted) {
    const last = found.at(-1);
    if (last?.z === z && last.y === y && last.x + last.across === x && last.across < 8) last.across++;
    else found.push({ z, x, y, across: 1, down: 1 });
  }
  const joined = [];
  for (const row of found) {
    const above = joined.find(
      (one) =>
        one.z === row.z && one.x === row.x && one.across === row.across &&
        one.y + one.down === row.y && one.across * (one.down + 1) <= MOST,
    );
    if (above) above.down++;
    else joined.push(row);
  }
  return joined;
}

/** What a response that is no success says. */
export async function errorOf(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `the server answered ${response.status}`;
  }
}

const OUTLINE = { color: "#d6006e", weight: 1, opacity: 0.85, fill: false, interactive: false };

/** Outlines of stored tiles that the server has put on the map. */
export function outlinesOnMap(tiles, west) {
  return L.layerGroup(
    tiles.map(({ ring }) =>
      L.polygon(
        ring.map(([lat, lng]) => [lat, lng < west ? lng + 360 : lng]),
        OUTLINE,
      ),
    ),
  );
}

/** Outlines of stored tiles where pixels are drawn as pixels; null if they are too many. */
export function outlinesOfPixels(info, level, bounds) {
  const across = info.width / level.width;
  const down = info.height / level.height;
  const wide = level.tile_width * across;
  const high = level.tile_height * down;
  const left = Math.max(Math.floor(bounds.getWest() / wide), 0);
  const right = Math.min(Math.ceil(bounds.getEast() / wide), Math.ceil(info.width / wide));
  const top = Math.max(Math.floor(-bounds.getNorth() / high), 0);
  const bottom = Math.min(Math.ceil(-bounds.getSouth() / high), Math.ceil(info.height / high));
  if ((right - left) * (bottom - top) > 600) return null;
  const shapes = [];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const corner = [-y * high, x * wide];
      const other = [-Math.min((y + 1) * high, info.height), Math.min((x + 1) * wide, info.width)];
      shapes.push(L.rectangle([corner, other], OUTLINE));
    }
  }
  return L.layerGroup(shapes);
}

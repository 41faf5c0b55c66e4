// Tiles of the picture, and outlines of stored tiles.
/* global L */

/** Tiles that are fetched: so that errors can be told, levels read, and what is left behind given up. */
export const PictureLayer = L.GridLayer.extend({
  initialize(urlOf, told, options) {
    L.GridLayer.prototype.initialize.call(this, options);
    this._urlOf = urlOf;
    this._told = told;
    this.on("tileunload", ({ tile }) => tile.giveUp?.abort());
  },

  createTile(coords, done) {
    const image = document.createElement("img");
    image.alt = "";
    image.setAttribute("role", "presentation");
    if (this._isEnlarged(coords)) image.className = "enlarged";
    const giveUp = new AbortController();
    image.giveUp = giveUp;
    this._load(image, coords, giveUp.signal).then(
      () => done(null, image),
      (error) => {
        if (error.name !== "AbortError") this._told({ error: error.message });
        done(error, image);
      },
    );
    return image;
  },

  _isEnlarged(coords) {
    const native = this.options.maxNativeZoom;
    return native !== undefined && coords.z >= native && this._map.getZoom() > native;
  },

  async _load(image, coords, signal) {
    const response = await fetch(this._urlOf(coords), { signal });
    if (!response.ok) throw new Error(await errorOf(response));
    const level = response.headers.get("Tinycog-Level");
    const lost = response.headers.get("Tinycog-Lost");
    const url = URL.createObjectURL(await response.blob());
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new Error("a tile is no picture"));
      image.src = url;
    }).finally(() => URL.revokeObjectURL(url));
    this._told({
      level: level === null ? null : Number(level),
      lost: lost === null ? null : decodeURIComponent(lost),
      picture: true,
    });
  },
});

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

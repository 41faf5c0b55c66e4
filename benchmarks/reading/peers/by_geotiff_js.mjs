// geotiff.js under node: the same lines of JSON as reading/worker.py.
// GEOTIFF_JS is a directory with node_modules/geotiff in it.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.env.GEOTIFF_JS, "here.js"));
const { fromUrl, Pool } = await import(pathToFileURL(require.resolve("geotiff")));
const pool = new Pool(cpus().length);
const TYPES = {
  Uint8Array: "|u1",
  Uint8ClampedArray: "|u1",
  Uint16Array: "<u2",
  Float32Array: "<f4",
};

/** The image of a level; masks do not count. */
async function open(url, level) {
  const tiff = await fromUrl(url, { blockSize: 65536, cacheSize: 4096 });
  let seen = -1;
  for (let i = 0; ; i++) {
    const image = await tiff.getImage(i);
    seen += (image.fileDirectory.getValue("NewSubfileType") ?? 0) & 4 ? 0 : 1;
    if (seen === level) return image;
  }
}

/** Bands of a window; YCbCr as RGB, as every other reader gives it. */
async function read(image, window) {
  const ycbcr = image.fileDirectory.getValue("PhotometricInterpretation") === 6;
  const options = { pool, window, interleave: false };
  return ycbcr ? await image.readRGB(options) : await image.readRasters(options);
}

/** The pixels of one tile. */
async function tile(image, [x, y]) {
  const [width, height] = [image.getTileWidth(), image.getTileHeight()];
  return await read(image, [x * width, y * height, (x + 1) * width, (y + 1) * height]);
}

/** All of it, so many at a time. */
async function limited(items, concurrency, work) {
  const results = new Array(items.length);
  let next = 0;
  const runner = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i], i);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, runner));
  return results;
}

/** One raster for each tile, or one for a window or a level. */
async function run(job) {
  if (job.op === "many") {
    const one = async (url, i) => await tile(await open(url, job.level), job.tiles[i]);
    return await limited(job.urls, job.concurrency, one);
  }
  if (!["tile", "tiles", "window", "level"].includes(job.op)) throw new Error("no such call");
  const image = await open(job.urls[0], job.level);
  if (job.op === "window") {
    const [left, top, width, height] = job.window;
    return [await read(image, [left, top, left + width, top + height])];
  }
  if (job.op === "level") return [await read(image)];
  return await limited(job.tiles, job.concurrency, (place) => tile(image, place));
}

/** Do one job, and tell what it cost. */
async function work(job) {
  globalThis.gc?.();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const rasters = await run(job);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const parts = [];
  const arrays = [];
  for (const raster of rasters) {
    for (const band of raster) parts.push(Buffer.from(band.buffer, band.byteOffset, band.byteLength));
    const type = TYPES[raster[0].constructor.name] ?? raster[0].constructor.name;
    arrays.push([type, [raster.length, raster.height, raster.width]]);
  }
  writeFileSync(job.dump, Buffer.concat(parts));
  return { seconds, cpu: (user + system) / 1e6, arrays };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = await work(JSON.parse(line));
  } catch (error) {
    reply = { error: `${error.name}: ${error.message}`.split("\n")[0].slice(0, 300) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);

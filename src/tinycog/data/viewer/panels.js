// Drawings beside the map: histogram, legend, bytes of the file.

const $ = (id) => document.getElementById(id);

export const number = (value) => value.toLocaleString("en");

/** A length in bytes, in words. */
export function bytes(length) {
  if (length < 1000) return `${length} bytes`;
  for (const unit of ["kB", "MB", "GB"]) {
    length /= 1000;
    if (length < 1000) return `${length.toPrecision(3)} ${unit}`;
  }
  return `${(length / 1000).toPrecision(3)} TB`;
}

/** A value of a band, short enough to be read. */
export const short = (value, digits) =>
  Math.abs(value) >= 1e7 || (value !== 0 && Math.abs(value) < 1e-4)
    ? value.toExponential(3)
    : String(Number(value.toPrecision(digits)));

function scaled(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth, clientHeight } = canvas;
  canvas.width = Math.max(clientWidth * scale, 1);
  canvas.height = Math.max(clientHeight * scale, 1);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  return [context, clientWidth, clientHeight];
}

const BAND_COLOURS = { 1: ["#6f8193"], 3: ["#c2413a", "#3c8f4f", "#3b6fb6"] };

/** Draws how values are spread, and which of them the stretch shows. */
export function drawHistogram(spreads, low, high) {
  const [context, width, height] = scaled($("histogram"));
  const least = Math.min(...spreads.map((one) => one.least));
  const most = Math.max(...spreads.map((one) => one.most));
  const range = most - least || 1;
  const colours = BAND_COLOURS[spreads.length] ?? BAND_COLOURS[1];
  spreads.forEach((one, band) => {
    const top = Math.max(...one.counts, 1);
    const bin = (one.most - one.least || 1) / one.counts.length;
    context.globalAlpha = spreads.length > 1 ? 0.5 : 0.9;
    context.fillStyle = colours[band];
    one.counts.forEach((count, i) => {
      const x = ((one.least + i * bin - least) / range) * width;
      const tall = Math.sqrt(count / top) * (height - 4);
      context.fillRect(x, height - tall, Math.max((bin / range) * width, 0.5), tall);
    });
  });
  context.globalAlpha = 1;
  context.fillStyle = "rgb(255 255 255 / 70%)";
  const left = ((low - least) / range) * width;
  const right = ((high - least) / range) * width;
  context.fillRect(0, 0, Math.max(left, 0), height);
  context.fillRect(Math.min(right, width), 0, width, height);
  context.fillStyle = "#1f5f99";
  for (const x of [left, right]) if (x >= 0 && x <= width) context.fillRect(x - 0.75, 0, 1.5, height);
}

/** Draws the colours of a colormap from low to high. */
export function drawLegend(text, isReversed) {
  const context = $("legend").getContext("2d");
  for (let i = 0; i < 256; i++) {
    const at = 6 * (isReversed ? 255 - i : i);
    context.fillStyle = `#${text.slice(at, at + 6)}`;
    context.fillRect(i, 0, 1, 1);
  }
}

/** Draws the bytes of the file as bars, and over them what was requested. */
export function drawBars(layout, requests) {
  const box = $("bars");
  const bars = layout.bars.slice(0, 4);
  if (box.children.length !== 2 * bars.length) {
    box.replaceChildren(
      ...bars.flatMap(() => [document.createElement("p"), document.createElement("canvas")]),
    );
  }
  bars.forEach((bar, i) => {
    const [heading, canvas] = [box.children[2 * i], box.children[2 * i + 1]];
    heading.textContent =
      bar.within === null
        ? `The file: ${bytes(layout.size)}`
        : `Drawn larger: bytes ${number(bar.start)} to ${number(bar.stop)}`;
    drawBar(canvas, bar, requests);
    canvas.onmousemove = (event) => tell(canvas, bar, event.offsetX);
    canvas.onmouseleave = () => tell(null);
  });
}

function drawBar(canvas, bar, requests) {
  const [context, width, height] = scaled(canvas);
  const x = (at) => ((at - bar.start) / (bar.stop - bar.start || 1)) * width;
  const tall = height - 11;
  for (const { start, stop, colour } of bar.segments) {
    context.fillStyle = colour;
    context.fillRect(x(start), 0, Math.max(x(stop) - x(start), 0.5), tall);
  }
  context.strokeStyle = "#8a96a3";
  context.strokeRect(0.5, 0.5, width - 1, tall - 1);
  context.fillStyle = "#d6006e";
  for (const { start, stop, sidecar } of requests) {
    if (sidecar || stop <= bar.start || start >= bar.stop) continue;
    const left = Math.max(x(start), 0);
    context.fillRect(left, tall + 3, Math.max(Math.min(x(stop), width) - left, 2), 6);
  }
}

function tell(canvas, bar, offset) {
  const about = $("bar-about");
  if (canvas === null) {
    about.textContent = "Pink: what this view has requested.";
    return;
  }
  const at = bar.start + (offset / canvas.clientWidth) * (bar.stop - bar.start);
  const found = bar.segments.find(({ start, stop }) => start <= at && at < stop);
  about.textContent = found
    ? `${found.label}: bytes ${number(found.start)} to ${number(found.stop)}`
    : "";
}

/** Lists the requests of a view. */
export function listRequests(requests) {
  $("requests").replaceChildren(
    ...requests.toReversed().map((one) => {
      const row = document.createElement("tr");
      row.className = one.error ? "wrong" : "";
      const what = document.createElement("td");
      what.append(one.error ?? (one.what || "bytes"), document.createElement("br"));
      const place = document.createElement("span");
      place.className = "quiet";
      const beside = one.sidecar ? ` of ${one.sidecar}` : "";
      place.textContent = `${number(one.start)} to ${number(one.stop)}${beside}`;
      what.append(place);
      const cells = [bytes(one.received), `${one.ms < 10 ? one.ms.toFixed(1) : Math.round(one.ms)} ms`];
      row.append(
        what,
        ...cells.map((text) => {
          const cell = document.createElement("td");
          cell.textContent = text;
          return cell;
        }),
      );
      return row;
    }),
  );
}

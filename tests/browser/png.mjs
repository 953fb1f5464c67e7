// Makes a picture of a page small: a palette instead of four bytes for each pixel. A page has few colors.

import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

function* chunks(png) {
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    yield { type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) };
    at += length + 12;
  }
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const written = Buffer.alloc(body.length + 8);
  written.writeUInt32BE(data.length, 0);
  body.copy(written, 4);
  written.writeUInt32BE(crc32(body), body.length + 4);
  return written;
}

function paeth(left, up, corner) {
  const [l, u, c] = [left, up, corner].map((each) => Math.abs(left + up - corner - each));
  if (l <= u && l <= c) return left;
  return u <= c ? up : corner;
}

/** Undoes what PNG does to a row before it is packed. */
const FILTERS = [() => 0, (left) => left, (_, up) => up, (left, up) => (left + up) >> 1, paeth];

/** The bytes of each pixel, row by row. */
function decode(png) {
  const all = [...chunks(png)];
  const header = all[0].data;
  const [width, height, depth, type] = [header.readUInt32BE(0), header.readUInt32BE(4), header[8], header[9]];
  const size = { 2: 3, 6: 4 }[type];
  if (depth !== 8 || !size) throw new Error(`found: a picture of depth ${depth} and type ${type}, expected: one of a browser`);
  const packed = inflateSync(Buffer.concat(all.filter((each) => each.type === 'IDAT').map(({ data }) => data)));
  const stride = width * size;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = FILTERS[packed[y * (stride + 1)]];
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x >= size ? pixels[at - size] : 0;
      const up = y > 0 ? pixels[at - stride] : 0;
      const corner = x >= size && y > 0 ? pixels[at - stride - size] : 0;
      pixels[at] = packed[y * (stride + 1) + 1 + x] + filter(left, up, corner);
    }
  }
  return { width, height, size, pixels };
}

const rgb = (pixels, at) => (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
const parts = (color) => [color >> 16, (color >> 8) & 255, color & 255];

function distance(one, other) {
  const others = parts(other);
  return parts(one).reduce((sum, part, index) => sum + (part - others[index]) ** 2, 0);
}

/** Every color, with its place among the few that are kept: the most frequent ones. */
function choose({ pixels, size }, kept) {
  const counts = new Map();
  for (let at = 0; at < pixels.length; at += size) {
    const color = rgb(pixels, at);
    counts.set(color, (counts.get(color) ?? 0) + 1);
  }
  const palette = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, kept).map(([color]) => color);
  const nearest = (color) => palette.reduce((best, each, index) => (distance(color, each) < distance(color, palette[best]) ? index : best), 0);
  return { palette, places: new Map([...counts.keys()].map((color) => [color, nearest(color)])) };
}

/** The same picture in at most so many colors. */
export function smaller(png, colors = 64) {
  const picture = decode(png);
  const { width, height, size, pixels } = picture;
  const { palette, places } = choose(picture, colors);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = places.get(rgb(pixels, (y * width + x) * size));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const body = [chunk('IHDR', header), chunk('PLTE', Buffer.from(palette.flatMap(parts)))];
  return Buffer.concat([SIGNATURE, ...body, chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

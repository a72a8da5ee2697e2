// A picture's pixels -> what the network sees, to the last bit as the library does it
// (engine.backbones.preprocessing, and Pillow's resampling of 8-bit channels within a box).

const BITS = 22; // of the fixed-point weights
const HALF = 2 ** (BITS - 1);

// The centre that is kept: left, top, right and bottom, in the picture's own pixels.
export function box(width, height, { image_size: size, resize, fit }) {
  if (fit === "between") {
    const mean = Math.sqrt(width * height);
    const across = Math.min(mean, width), down = Math.min(mean, height), kept = size / resize;
    const left = (width - across * kept) / 2, top = (height - down * kept) / 2;
    return [left, top, left + across * kept, top + down * kept];
  }
  const short = Math.min(width, height);
  const scaled = fit === "squash"
    ? [resize, resize]
    : [Math.floor((resize * width) / short), Math.floor((resize * height) / short)];
  const [left, top] = scaled.map((side) => roundHalfEven((side - size) / 2));
  const across = width / scaled[0], down = height / scaled[1];
  return [
    left * across,
    top * down,
    Math.min((left + size) * across, width),
    Math.min((top + size) * down, height),
  ];
}

function roundHalfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function bicubic(x) {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// For each of `out` places: where its weights begin, and the weights as fixed-point numbers.
function weights(length, from, to, out) {
  const start = Math.fround(from);
  const scale = Math.fround(Math.fround(to) - start) / out;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  return Array.from({ length: out }, (_, place) => {
    const centre = start + (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(length, Math.trunc(centre + support + 0.5)) - first;
    const plain = new Float64Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += plain[i] = bicubic((i + first - centre + 0.5) * (1 / stretch));
    const fixed = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const weight = (sum === 0 ? plain[i] : plain[i] / sum) * 2 ** BITS;
      fixed[i] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    return { first, fixed };
  });
}

// Weighs values that lie `stride` apart, for each of `lines` that begin `between` apart; what comes
// of it lies `outStride` and `outBetween` apart.
function pass(from, into, places, { stride, lines, between, outStride, outBetween }) {
  places.forEach(({ first, fixed }, place) => {
    for (let line = 0; line < lines; line++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = HALF;
        let at = line * between + first * stride + channel;
        for (let i = 0; i < fixed.length; i++, at += stride) sum += from[at] * fixed[i];
        into[line * outBetween + place * outStride + channel] = Math.floor(sum / 2 ** BITS);
      }
    }
  });
  return into;
}

function along(from, width, height, left, right, size) {
  if (width === size && left === 0 && right === width) return from;
  return pass(from, new Uint8ClampedArray(size * height * 3), weights(width, left, right, size), {
    stride: 3, lines: height, between: width * 3, outStride: 3, outBetween: size * 3,
  });
}

function down(from, width, height, top, bottom, size) {
  if (height === size && top === 0 && bottom === height) return from;
  return pass(from, new Uint8ClampedArray(width * size * 3), weights(height, top, bottom, size), {
    stride: width * 3, lines: width, between: 3, outStride: width * 3, outBetween: 3,
  });
}

// The middle of a picture, in its own pixels: `share` of each side (engine.features.closer).
export function middle(width, height, share) {
  const left = (width * (1 - share)) / 2, top = (height * (1 - share)) / 2;
  return [left, top, width - left, height - top];
}

// The whole pixels of a box within `{width, height, data}`, in the same form.
export function cropped({ width, data }, box) {
  const [left, top, right, bottom] = box.map(roundHalfEven);
  const part = { width: Math.max(right - left, 1), height: Math.max(bottom - top, 1) };
  part.data = new Uint8ClampedArray(part.width * part.height * 4);
  for (let row = 0; row < part.height; row++) {
    const start = ((top + row) * width + left) * 4;
    part.data.set(data.subarray(start, start + part.width * 4), row * part.width * 4);
  }
  return part;
}

// `{width, height, data}` with four bytes a pixel -> size × size × 3 bytes.
export function prepare({ width, height, data }, preprocessing) {
  const size = preprocessing.image_size;
  const [left, top, right, bottom] = box(width, height, preprocessing);
  let rows = new Uint8ClampedArray(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) rows[pixel * 3 + channel] = data[pixel * 4 + channel];
  }
  // Pillow rounds after either pass, and from version 13 on begins with the one that shrinks more.
  if (height > size && height - size > 2 * (width - size)) {
    rows = along(down(rows, width, height, top, bottom, size), width, size, left, right, size);
  } else {
    rows = down(along(rows, width, height, left, right, size), size, height, top, bottom, size);
  }
  return new Uint8Array(rows.buffer);
}

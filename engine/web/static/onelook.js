// What the page is made of: the network, the gallery, and a picture's way through both.

import * as ort from "./runtime/ort.wasm.min.mjs";
import { Gallery } from "./decide.js";
import { prepare } from "./prepare.js";

const LONGEST = 4096; // larger pictures are shrunk while they are drawn, for phones' sake

export async function open() {
  const described = await (await fetch("gallery.json")).json();
  const [vectors, projection, session] = await Promise.all([
    bytes("vectors.bin"),
    described.projected ? bytes("projection.bin") : null,
    network(),
  ]);
  const gallery = new Gallery(
    described, new Int8Array(vectors), projection && new Float32Array(projection),
  );
  return {
    described,
    gallery,
    async recognise(blob) {
      const size = described.preprocessing.image_size;
      const prepared = prepare(await pixels(blob), described.preprocessing);
      const input = new ort.Tensor("uint8", prepared, [1, size, size, 3]);
      const found = await session.run({ [session.inputNames[0]]: input });
      return gallery.decide(found[session.outputNames[0]].data);
    },
  };
}

async function network() {
  ort.env.wasm.numThreads = 1; // more would need headers that a plain web server doesn't send
  ort.env.wasm.wasmPaths = new URL("runtime/", document.baseURI).href;
  return ort.InferenceSession.create(await bytes("network.onnx"), { executionProviders: ["wasm"] });
}

async function bytes(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name} can't be read (${answer.status})`);
  return answer.arrayBuffer();
}

// An encoded picture -> upright pixels, on white where it is transparent.
export async function pixels(blob) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
  const bitmap = await createImageBitmap(blob, options);
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const width = Math.round(bitmap.width * scale), height = Math.round(bitmap.height * scale);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

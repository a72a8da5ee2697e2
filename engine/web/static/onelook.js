// What the page is made of: the network, the gallery, and a picture's way through both.

import * as ort from "./runtime/ort.wasm.min.mjs";
import { Gallery } from "./decide.js";
import { cropped, middle, prepare } from "./prepare.js";

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
  const { closer: share, preprocessing } = described;
  const size = preprocessing.image_size;

  async function embedding(picture) {
    const input = new ort.Tensor("uint8", prepare(picture, preprocessing), [1, size, size, 3]);
    const found = await session.run({ [session.inputNames[0]]: input });
    return found[session.outputNames[0]].data;
  }

  return {
    described,

    // A decision; its `region` is the middle, in the picture's pixels, where a closer look decided.
    async recognise(blob) {
      const { width, height, picture } = await pixels(blob);
      const closer = () => embedding(cropped(picture, middle(picture.width, picture.height, share)));
      const decision = await gallery.decide(await embedding(picture), share === null ? null : closer);
      return { ...decision, region: decision.byMiddle ? middle(width, height, share) : null };
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
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.arrayBuffer();
}

// An encoded picture -> its size, and upright pixels, on white where it is transparent.
async function pixels(blob) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
  const bitmap = await createImageBitmap(blob, options);
  const { width, height } = bitmap;
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = Object.assign(document.createElement("canvas"), { width: across, height: down });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, across, down);
  context.drawImage(bitmap, 0, 0, across, down);
  bitmap.close();
  return { width, height, picture: context.getImageData(0, 0, across, down) };
}

// Makes a picture small before it is sent: what recognition looks at needs no more.

const LONGEST = 1600;
const SMALL_ENOUGH = 400_000;
const QUALITY = 0.9;

/** A copy of at most 1600 pixels, upright; the file itself where that isn't smaller or can't be read here. */
export async function shrunk(file) {
  if (!file.type.startsWith("image/") || file.type === "image/gif") return file; // an archive, or frames to choose from
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file; // the service knows more formats, and says so of what it doesn't know
  }
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size <= SMALL_ENOUGH) {
    bitmap.close();
    return file;
  }
  const type = file.type === "image/jpeg" ? "image/jpeg" : "image/webp"; // what may be transparent stays so
  const blob = await drawn(bitmap, scale, type);
  bitmap.close();
  if (!blob || blob.size >= file.size) return file;
  return new File([blob], file.name.replace(/\.[^.]*$/, "") + `.${blob.type.split("/")[1]}`, { type: blob.type });
}

/** What a video shows now, as a file of at most so many pixels. */
export async function frameOf(video, longest = LONGEST) {
  const scale = Math.min(1, longest / Math.max(video.videoWidth, video.videoHeight));
  const blob = await drawn(video, scale, "image/jpeg");
  return blob && new File([blob], "camera.jpg", { type: "image/jpeg" });
}

function drawn(source, scale, type) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((source.videoWidth ?? source.width) * scale));
  canvas.height = Math.max(1, Math.round((source.videoHeight ?? source.height) * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
}

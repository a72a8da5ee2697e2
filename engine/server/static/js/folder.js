// Lists what was chosen or dropped, folders included, as files with their paths.

/** `[file, path]` of everything dropped. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => [file, file.name]);
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

/** `[file, path]` of what an input holds. */
export function chosen(input) {
  return [...input.files].map((file) => [file, file.webkitRelativePath || file.name]).filter(([, path]) => !hidden(path));
}

async function walk(entry, folder, found) {
  const path = folder + entry.name;
  if (hidden(entry.name)) return;
  if (entry.isFile) {
    found.push([await new Promise((resolve, reject) => entry.file(resolve, reject)), path]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return;
    for (const child of batch) await walk(child, `${path}/`, found);
  }
}

function hidden(path) {
  return path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX" || part === "Thumbs.db");
}

// Does what can't be taken back a little later, so that it can be.

import { toast } from "./dom.js";
import { t } from "./text.js";

const PATIENCE = 9000;
const waiting = new Set();
const gone = new Set();

/** Whether something is about to go, by its key; lists leave it out. */
export const isGoing = (key) => gone.has(key);

/** The key of a class. */
export const classKey = (classId) => `class ${classId}`;

/** Say `text` with a way to undo it; unless it is used, `work` is done in nine seconds, or as the page is left.
 *
 * What has one of the `keys` is gone from lists meanwhile; `changed` is called once it is there again.
 */
export function later(text, keys, work, changed) {
  keys.forEach((key) => gone.add(key));
  const entry = {
    async now(options = {}) {
      if (!waiting.delete(entry)) return;
      clearTimeout(timer);
      close();
      try {
        await work(options);
        keys.forEach((key) => gone.delete(key));
      } catch (error) {
        keys.forEach((key) => gone.delete(key));
        if (!error.silent) toast(error.message, "bad");
        changed();
      }
    },
  };
  const undo = () => {
    if (!waiting.delete(entry)) return;
    clearTimeout(timer);
    keys.forEach((key) => gone.delete(key));
    changed();
  };
  const close = toast(text, "lasting", [t("undo"), undo]);
  const timer = setTimeout(() => entry.now(), PATIENCE);
  waiting.add(entry);
}

addEventListener("pagehide", () => {
  for (const entry of [...waiting]) entry.now({ keepalive: true }); // the request outlives the page
});

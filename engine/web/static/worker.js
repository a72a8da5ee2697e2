// Keeps all files of the page, so that it works offline once it was opened. EXPORT
const KEPT = "onelook EXPORT";

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const described = await fetch("gallery.json", { cache: "no-cache" });
    const kept = await caches.open(KEPT);
    await kept.put("gallery.json", described.clone());
    await kept.addAll([...(await described.json()).files, "./"]);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith("onelook ") && name !== KEPT).map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  event.respondWith((async () => (await (await caches.open(KEPT)).match(event.request)) ?? fetch(event.request))());
});

// What the first page loads, compressed as it is served: the page, its script with all it imports at once, its style.
import { readFileSync, statSync } from "node:fs";

const dist = new URL("../dist/", import.meta.url).pathname;
const page = readFileSync(`${dist}index.html`, "utf8");
const first = new Set(["index.html", ...[...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path)]);
for (const path of first) {
  if (!path.endsWith(".js")) continue;
  const text = readFileSync(`${dist}${path}`, "utf8");
  for (const [, name] of text.matchAll(/from\s*"\.\/([^"]+\.js)"/g)) first.add(`assets/${name}`);
}
let [br, gz] = [0, 0];
for (const path of [...first].sort()) {
  const sizes = [".br", ".gz"].map((kind) => statSync(`${dist}${path}${kind}`, { throwIfNoEntry: false })?.size ?? 0);
  br += sizes[0];
  gz += sizes[1];
  console.log(`${path.padEnd(44)} ${String(sizes[0]).padStart(8)} ${String(sizes[1]).padStart(8)}`);
}
console.log(`${"first load (brotli, gzip)".padEnd(44)} ${String(br).padStart(8)} ${String(gz).padStart(8)}`);

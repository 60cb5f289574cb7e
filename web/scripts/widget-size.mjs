// What a visitor's browser loads for the chat, compressed as it is served. More than the bound stops the build.
import { readFileSync, statSync } from "node:fs";

const BYTES_MAX = 30_000;
const dist = new URL("../dist/", import.meta.url).pathname;
const page = readFileSync(`${dist}chat.html`, "utf8");
const all = ["widget.js", "chat.html", ...[...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path)];
const sizes = all.map((path) => [path, ...[".br", ".gz"].map((kind) => statSync(`${dist}${path}${kind}`).size)]);
const total = (column) => sizes.reduce((sum, row) => sum + row[column], 0);
if (process.argv.includes("--print")) console.table([...sizes, ["all (brotli, gzip)", total(1), total(2)]]);
if (total(2) > BYTES_MAX) throw new Error(`The chat has ${total(2)} bytes compressed; ${BYTES_MAX} are allowed.`);

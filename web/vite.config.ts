import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Where a running Switchboard answers while the console is worked on: SERVER=http://127.0.0.1:8080 npm run dev
const server = process.env["SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  // The Host stays as the browser gave it: the server compares it with the Origin.
  server: { host: "127.0.0.1", proxy: Object.fromEntries(["/api", "/health"].map((path) => [path, { target: server, changeOrigin: false }])) },
  build: {
    target: "es2022",
    // The policy of the pages allows no script within the page.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});

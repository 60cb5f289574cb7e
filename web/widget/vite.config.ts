// The chat on the business's own pages: a script that sites name and the frame it shows, laid beside the console's files.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  publicDir: false,
  build: {
    target: "es2022",
    outDir: here("../dist"),
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      input: { chat: here("chat.html"), widget: here("loader.ts") },
      // Sites name the script by a name that stays; it shares nothing with the frame.
      output: { entryFileNames: ({ name }) => (name === "widget" ? "widget.js" : "assets/[name]-[hash].js") },
    },
  },
});

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // whatever is loaded is found beside what loads it, below any path
  plugins: [react()],
  build: {
    outDir: "../src/wave_runner/web/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    license: { fileName: "LICENSES.md" },
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});

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
    // These know light-dark() themselves; for older ones it would be rewritten, and stop following the colour scheme.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});

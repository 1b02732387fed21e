// vite.config.ts - how the page is built: into build/web/training (app/up says where), under /training/.
// A strict Content-Security-Policy holds for it: no script and no style stands in the page itself.
import { defineConfig } from "vite";

const stack = process.env["TRAINING_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/training/",
  build: {
    outDir: process.env["DASHBOARD_OUT"] ?? "dist/training",
    emptyOutDir: true,
    assetsDir: "assets",
    assetsInlineLimit: 0,
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // `npm run dev` against a stack that is up: the same origin, as behind nginx.
    proxy: {
      "/api": { target: stack },
      "/socket.io": { target: stack, ws: true },
    },
  },
});

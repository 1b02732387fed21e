// vite.test.config.ts - builds every *.test.ts for `node --test`, whose Node.js 20 reads no TypeScript.
import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

const tests = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => `src/${name}`);

export default defineConfig({
  build: {
    ssr: true,
    outDir: process.env["DASHBOARD_TEST_OUT"] ?? "dist/test",
    emptyOutDir: true,
    rollupOptions: { input: tests },
  },
});

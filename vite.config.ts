import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The web application: `src/web` becomes `dist/web`, which the server hands out beside its API. */

const SERVER = process.env.SERVER_URL ?? 'http://localhost:8080';

export default defineConfig({
  root: 'src/web',
  plugins: [react()],
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    // The policy of the page is `default-src 'self'`: no script in the page itself and no font in a `data:` address.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Of one chunk before compression; the first load is under 250 kB of gzip.
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { '/api': SERVER, '/media': SERVER, '/f': SERVER } },
});

import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Where `sekisho-server` listens while developing. */
const SERVER = process.env['SEKISHO_SERVER'] ?? 'http://127.0.0.1:7443'

/** react-aria carries its strings in 34 languages; the console speaks two. */
const ariaLocales: Plugin = {
  name: 'sekisho:aria-locales',
  load(id) {
    const locale = /\/react-(?:aria|aria-components|stately)\/.*\/([a-z]{2}-[A-Z]{2})\.m?js$/.exec(id)?.[1]
    return locale === undefined || locale === 'en-US' || locale === 'ja-JP' ? null : 'export default {}'
  },
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [ariaLocales, react()],
  build: { target: 'es2024', cssTarget: 'chrome123', modulePreload: { polyfill: false }, sourcemap: false },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: SERVER, changeOrigin: false } },
  },
})

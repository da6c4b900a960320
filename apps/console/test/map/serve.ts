import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { build, preview } from 'vite'

export interface Served extends AsyncDisposable {
  readonly url: string
}

/** Builds the fixture page as the console itself is built, and serves it on a free port of loopback. */
export async function serveFixture(): Promise<Served> {
  const root = join(import.meta.dirname, 'fixture')
  const outDir = await mkdtemp(join(tmpdir(), 'sekisho-map-'))
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [react()],
    worker: { format: 'es' },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2024',
      ...(process.env.MAP_PLAIN ? { minify: false } : {}),
    },
  })
  const server = await preview({
    root,
    configFile: false,
    logLevel: 'error',
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
  })
  const url = server.resolvedUrls?.local[0]
  if (!url) throw new Error('the preview server has no address')
  return {
    url,
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(outDir, { recursive: true, force: true })
    },
  }
}

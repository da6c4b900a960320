import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { MiddlewareHandler } from 'hono'

const compress = promisify(gzip)

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}
/** Below it, compressing saves less than a packet. */
const WORTH_COMPRESSING = 1_400
const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

interface Asset {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
  /** Vite puts a hash of the content into these names: the name changes when the content does. */
  readonly hashed: boolean
  readonly encoded: Map<string, Buffer>
}

export interface Files {
  readonly middleware: MiddlewareHandler
  /** False: the console was not built, and a page says so. */
  readonly complete: boolean
}

function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    return entry.isDirectory() ? walk(path) : entry.isFile() ? [path] : []
  })
}

function read(path: string, name: string): Asset {
  const body = readFileSync(path)
  const encoded = ENCODINGS.filter(([, suffix]) => existsSync(path + suffix)).map(
    ([encoding, suffix]) => [encoding, readFileSync(path + suffix)] as const,
  )
  return {
    body,
    type: TYPES[extname(path)] ?? 'application/octet-stream',
    etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    hashed: /^\/assets\/.+-[\w-]{8}\.\w+$/.test(name),
    encoded: new Map(encoded),
  }
}

const isText = (type: string): boolean => /^text\/|json$|xml$/.test(type)

async function negotiate(asset: Asset, accepted: string): Promise<{ encoding?: string; body: Buffer }> {
  const wanted = new Set(accepted.split(',').map(part => part.split(';')[0]?.trim() ?? ''))
  for (const [encoding] of ENCODINGS) {
    const body = asset.encoded.get(encoding)
    if (body && wanted.has(encoding)) return { encoding, body }
  }
  if (!wanted.has('gzip') || !isText(asset.type) || asset.body.length < WORTH_COMPRESSING) return asset
  const body = await compress(asset.body)
  asset.encoded.set('gzip', body)
  return { encoding: 'gzip', body }
}

const NOT_BUILT = Buffer.from(
  '<!doctype html><meta charset="utf-8"><title>Sekisho</title><p>The console is not built; run <code>make build</code>. The API is at <code>/api/v1</code>.',
)

/**
 * The console's files, read once at start: a request can name only what was found then, so no path leads out of
 * the directory. Unknown pages get index.html, which finds its way by the URL.
 */
export function openFiles(directory: string): Files {
  const found = existsSync(directory) && statSync(directory).isDirectory() ? walk(directory) : []
  const originals = found.filter(path => !ENCODINGS.some(([, suffix]) => path.endsWith(suffix)))
  const assets = new Map(
    originals.map(path => {
      const name = `/${relative(directory, path)}`
      return [name, read(path, name)]
    }),
  )
  const index = assets.get('/index.html')
  const page: Asset = index ?? {
    body: NOT_BUILT,
    type: 'text/html; charset=utf-8',
    etag: '"not-built"',
    hashed: false,
    encoded: new Map(),
  }
  // Names of policies and workloads hold dots too, so a navigation gets the page whatever its path looks like.
  const find = (path: string, accepts: string): Asset | undefined =>
    assets.get(path) ?? (extname(path) === '' || accepts.includes('text/html') ? page : undefined)
  return {
    complete: index !== undefined,
    middleware: async (context, next) => {
      const { method, path } = context.req
      const asset =
        method === 'GET' || method === 'HEAD' ? find(path, context.req.header('accept') ?? '') : undefined
      if (!asset) return next()
      const headers = new Headers({
        etag: asset.etag,
        vary: 'accept-encoding',
        'cache-control': asset.hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      })
      if (context.req.header('if-none-match') === asset.etag)
        return new Response(null, { status: 304, headers })
      const { encoding, body } = await negotiate(asset, context.req.header('accept-encoding') ?? '')
      headers.set('content-type', asset.type)
      if (encoding) headers.set('content-encoding', encoding)
      return new Response(new Uint8Array(body), { headers })
    },
  }
}

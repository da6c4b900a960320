import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HERE, run } from './programs.ts'

export interface ImageOptions {
  /** Full name with tag, as pods ask for it. */
  readonly name: string
  /** Folder that becomes the only layer. */
  readonly root: string
  readonly entrypoint: readonly string[]
  readonly environment?: readonly string[]
  /** Where the archive goes. */
  readonly archive: string
}

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/**
 * Makes an OCI image layout as one archive, which `ctr images import` reads.
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
 */
export function makeImage({ name, root, entrypoint, environment = [], archive }: ImageOptions): void {
  const layout = `${archive}.layout`
  const blobs = join(layout, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const layer = join(layout, 'layer.tar')
  run(HERE, [
    'tar',
    '--create',
    `--file=${layer}`,
    '--sort=name',
    '--numeric-owner',
    '--owner=0',
    '--group=0',
    `--directory=${root}`,
    '.',
  ])
  const diff = run(HERE, ['sha256sum', layer]).slice(0, 64)
  run(HERE, ['mv', layer, join(blobs, diff)])
  const store = (json: object) => {
    const bytes = Buffer.from(JSON.stringify(json))
    const digest = digestOf(bytes)
    writeFileSync(join(blobs, digest), bytes)
    return { digest: `sha256:${digest}`, size: bytes.length }
  }
  const config = store({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: {
      Entrypoint: entrypoint,
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', ...environment],
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${diff}`] },
  })
  const media = 'application/vnd.oci.image'
  const manifest = store({
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: { mediaType: `${media}.config.v1+json`, ...config },
    layers: [
      {
        mediaType: `${media}.layer.v1.tar`,
        digest: `sha256:${diff}`,
        size: statSync(join(blobs, diff)).size,
      },
    ],
  })
  const annotations = { 'io.containerd.image.name': name }
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: `${media}.manifest.v1+json`, ...manifest, annotations }],
  }
  writeFileSync(join(layout, 'index.json'), JSON.stringify(index))
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  run(HERE, ['tar', '--create', `--file=${archive}`, `--directory=${layout}`, '.'])
  rmSync(layout, { recursive: true })
}

export const BUSYBOX = 'sekisho.test/busybox:1'
const BUSYBOX_PROGRAM = '/bin/busybox'

/** Debian's static busybox with a name for each thing it can be. Sleeping for ever, it is the pause image too. */
export function makeBusybox(directory: string): string {
  const root = join(directory, 'busybox')
  for (const folder of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev'])
    mkdirSync(join(root, folder), { recursive: true })
  copyFileSync(BUSYBOX_PROGRAM, join(root, 'bin/busybox'))
  for (const applet of run(HERE, [BUSYBOX_PROGRAM, '--list']).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet))
  }
  const archive = join(directory, 'busybox.tar')
  makeImage({
    name: BUSYBOX,
    root,
    entrypoint: ['/bin/sh', '-c', 'trap exit TERM; sleep 2147483647 & wait'],
    archive,
  })
  return archive
}

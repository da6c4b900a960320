import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
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

/** A root folder with Debian's static busybox under a name for each thing it can be. */
function busyboxRoot(root: string): void {
  for (const folder of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev'])
    mkdirSync(join(root, folder), { recursive: true })
  copyFileSync(BUSYBOX_PROGRAM, join(root, 'bin/busybox'))
  for (const applet of run(HERE, [BUSYBOX_PROGRAM, '--list']).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet))
  }
}

/** Sleeping for ever, it is the pause image too. */
export function makeBusybox(directory: string): string {
  const root = join(directory, 'busybox')
  busyboxRoot(root)
  const archive = join(directory, 'busybox.tar')
  makeImage({
    name: BUSYBOX,
    root,
    entrypoint: ['/bin/sh', '-c', 'trap exit TERM; sleep 2147483647 & wait'],
    archive,
  })
  return archive
}

export const SEKISHO = { repository: 'sekisho.test/sekisho', tag: 'checkout' }
const WORKSPACES = ['--workspace=@sekisho/server', '--workspace=@sekisho/agent']
/** What is not ours, and not Node, which the image has already. */
const THEIRS = /\/node_modules\/(?!@sekisho\/|node-)/
const CHECKOUT = join(import.meta.dirname, '../..')
const LIBRARIES = ['libnftables.so.1', 'libc.so.6'].map(name =>
  join('/usr/lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`, name),
)

/** What programs load, and they themselves, by the paths under which they look for it. */
function libraries(programs: readonly string[]): ReadonlySet<string> {
  const found = run(HERE, ['ldd', ...programs]).matchAll(/(?<path>\/\S+) \(0x/g)
  return new Set([...programs, ...[...found].flatMap(({ groups }) => groups?.path ?? [])])
}

/** As `deploy/images/Dockerfile` makes it, of this machine's Node and libraries and of this checkout. */
export function makeSekisho(directory: string): string {
  const root = join(directory, 'sekisho')
  busyboxRoot(root)
  const node = join(root, 'usr/local/bin/node')
  mkdirSync(dirname(node), { recursive: true })
  copyFileSync(process.execPath, node)
  for (const path of libraries([process.execPath, ...LIBRARIES])) {
    if (path === process.execPath) continue
    mkdirSync(join(root, dirname(path)), { recursive: true })
    copyFileSync(realpathSync(path), join(root, path))
  }
  const home = join(root, 'opt/sekisho')
  for (const part of ['apps', 'packages', 'bin', 'package.json'])
    cpSync(join(CHECKOUT, part), join(home, part), {
      recursive: true,
      filter: isNeeded,
      verbatimSymlinks: true,
    })
  const modules = run(HERE, [
    'npm',
    `--prefix=${CHECKOUT}`,
    'ls',
    ...WORKSPACES,
    '--omit=dev',
    '--all',
    '--parseable',
  ])
  for (const path of modules
    .trim()
    .split('\n')
    .filter(each => THEIRS.test(each))) {
    cpSync(path, join(home, relative(CHECKOUT, path)), { recursive: true, verbatimSymlinks: true })
  }
  const ours = 'node_modules/@sekisho'
  cpSync(join(CHECKOUT, ours), join(home, ours), { recursive: true, verbatimSymlinks: true })
  const archive = join(directory, 'sekisho.tar')
  makeImage({ name: `${SEKISHO.repository}:${SEKISHO.tag}`, root, entrypoint: [], archive })
  rmSync(root, { recursive: true })
  return archive
}

const isNeeded = (path: string): boolean => !/\/(?:node_modules|test|dist)$/.test(path)

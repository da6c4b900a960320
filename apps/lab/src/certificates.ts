import { join } from 'node:path'
import { SITES } from './cluster.ts'
import { run } from './command.ts'
import { replaceFile } from './record.ts'

export interface Certificates {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-batch', '-days', '30']

/** A certificate authority for this run only, and one certificate for all HTTPS sites of the lab. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  const ca = join(dir, 'ca.pem')
  const caKey = join(dir, 'ca.key')
  const certificate = join(dir, 'sites.pem')
  const key = join(dir, 'sites.key')
  const names = Object.values(SITES).map(site => `DNS:${site.name}`)
  const extensions = join(dir, 'openssl.cnf')
  replaceFile(extensions, '[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\n')
  const config = ['-config', extensions]
  const subject = (name: string) => ['-subj', `/CN=${name}`]
  const authority = [...EC, ...config, '-extensions', 'ca', ...subject('Lab internet CA')]
  await run(['openssl', 'req', '-x509', ...authority, '-keyout', caKey, '-out', ca])
  const leaf = [...EC, ...config, ...subject('lab sites'), '-addext', `subjectAltName=${names.join(',')}`]
  await run([
    'openssl',
    'req',
    '-x509',
    '-CA',
    ca,
    '-CAkey',
    caKey,
    ...leaf,
    '-keyout',
    key,
    '-out',
    certificate,
  ])
  return { ca, certificate, key }
}

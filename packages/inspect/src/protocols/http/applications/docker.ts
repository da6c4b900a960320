import type { HttpApplication } from './application.ts'

/** Engine API of Docker and Podman: everything below its version, "/v1.47/containers/json". */
export const docker: HttpApplication = {
  application: 'docker',
  paths:
    /^\/v1\.\d\d\/(?:_ping|auth|build|commit|configs|containers|distribution|events|exec|images|info|networks|nodes|plugins|secrets|services|session|swarm|system|tasks|version|volumes)(?:\/|$)/,
  asks: notes =>
    notes['user-agent']?.startsWith('Docker-Client/') ? 'User-Agent "Docker-Client/"' : undefined,
  answers: notes => (notes.server?.startsWith('Docker/') ? 'Server "Docker/"' : undefined),
}

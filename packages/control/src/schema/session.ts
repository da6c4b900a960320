import { z } from 'zod'
import { timestamp } from './common.ts'

export const linkLogin = z.object({ token: z.string().max(256) })
export const passwordLogin = z.object({ name: z.string().max(128), password: z.string().max(1024) })
export const passwordChange = z.object({
  current: z.string().max(1024).optional(),
  password: z.string().min(12).max(1024),
})

export const session = z.object({
  user: z.string(),
  /** True after a one-time link until a password is set; the console asks for it but lets the first look pass. */
  mustSetPassword: z.boolean(),
  /** Sent back as `X-CSRF-Token` on every request that changes something. */
  csrf: z.string(),
  expiresAt: timestamp,
  version: z.string(),
  /** True for the lab: the console then says that these are sample workloads. */
  lab: z.boolean(),
})

export const tokenView = z.object({
  id: z.string(),
  name: z.string(),
  createdAt: timestamp,
  expiresAt: timestamp,
})
export const tokenRequest = z.object({
  name: z.string().min(1).max(128),
  expiresInDays: z.number().int().min(1).max(365),
})
export const tokenCreated = tokenView.extend({ token: z.string() })

export type Session = z.infer<typeof session>

export const joinTokenRequest = z.object({
  expiresInMinutes: z.number().int().min(1).max(1440).default(60),
  /** The only node that may use it; any node when left out. */
  node: z.string().min(1).max(253).optional(),
})
/** `token` is `<id>.<secret>.<sha256 of the CA certificate, hex>`; it lets one agent join once. */
export const joinTokenCreated = z.object({ token: z.string(), expiresAt: timestamp })
export type TokenView = z.infer<typeof tokenView>
export type TokenCreated = z.infer<typeof tokenCreated>
export type JoinTokenCreated = z.infer<typeof joinTokenCreated>

import type { Dictionary } from '../en/index.ts'

export const overview: Dictionary['overview'] = { title: '' }

import type { Dictionary } from '../en/index.ts'

export const map: Dictionary['map'] = {
  title: 'マップ',
}

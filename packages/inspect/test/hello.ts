/* Parts of a client hello, as characters of the numbers of their bytes. */

export const u16 = (value: number): string => String.fromCharCode(value >> 8, value & 255)
export const vector16 = (text: string): string => u16(text.length) + text
export const record = (type: number, fragment: string): string =>
  `${String.fromCharCode(type)}\x03\x01${vector16(fragment)}`
export const message = (type: number, body: string): string =>
  `${String.fromCharCode(type)}\0${vector16(body)}`
export const extension = (type: number, data: string): string => u16(type) + vector16(data)
export const serverName = (name: string): string => extension(0, vector16(`\0${vector16(name)}`))
export const hello = (extensions: string): string =>
  `\x03\x03${'r'.repeat(32)}\0${vector16('\x13\x01')}\x01\0${vector16(extensions)}`
